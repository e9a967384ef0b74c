import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as yieldToEvents } from "node:timers/promises";
import { RunError } from "../errors.js";
import type { OnnxFileKind } from "../infer/model-files.js";
import { percent } from "../quantities.js";
import { type Difference, differenceOf, outputsOf } from "./difference.js";
import { engineRunner, ortRunner, type Runner } from "./runners.js";
import type { Sample } from "./sample.js";
import type { ExportSource } from "./source.js";
import { type PreparedCheck, scoreBy } from "./task-check.js";

/** A file that was written, and how far from Limbeck's own it is. */
export interface ExportedFile extends OnnxFileKind {
  /** With its external data, if there is any. */
  readonly bytes: number;
  readonly difference: Difference;
  /** The checked task's; null where none was. */
  readonly score: number | null;
}

export interface Verification {
  readonly files: readonly ExportedFile[];
  /** Limbeck's own; null where no task was checked. */
  readonly score: number | null;
}

interface VerifyOptions {
  readonly source: ExportSource;
  readonly sample: Sample;
  readonly check: PreparedCheck | null;
  readonly maxDrop: number;
  readonly force: boolean;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs every file, and compares it with Limbeck's own forward pass.
 *
 * @throws RunError when a file loses more of the task's score than it may
 */
export async function verify(
  folder: string,
  kinds: readonly OnnxFileKind[],
  { source, sample, check, onProgress, signal, ...limits }: VerifyOptions,
): Promise<Verification> {
  const score = (runner: Runner) => (check === null ? null : scoreBy(runner, check));
  const [expected, own] = await withRunner(engineRunner(source.shape, source.weights), async (engine) => {
    return [await outputsOf(engine, sample), await score(engine)] as const;
  });
  const files: ExportedFile[] = [];
  for (const kind of kinds) {
    await yieldToEvents();
    signal?.throwIfAborted();
    if (check !== null) onProgress(`checking onnx/${kind.name} on ${check.task.name}`);
    const file = await withRunner(await ortRunner(join(folder, kind.name)), async (runner) => ({
      ...kind,
      bytes: bytesOf(folder, kind),
      difference: await differenceOf(runner, sample, { expected, kind: source.shape.kind }),
      score: await score(runner),
    }));
    if (!limits.force) refuseNonsense(file);
    if (own !== null && check !== null) refuseLoss(file, { own, task: check.task.name, ...limits });
    files.push(file);
  }
  return { files, score: own };
}

async function withRunner<T>(runner: Runner, use: (runner: Runner) => Promise<T>): Promise<T> {
  try {
    return await use(runner);
  } finally {
    await runner.close();
  }
}

/** @throws RunError when an output is no finite number where Limbeck's own is one */
function refuseNonsense({ name, dtype, difference }: ExportedFile): void {
  if (Number.isFinite(difference.largest)) return;
  throw new RunError(
    `onnx/${name}: expected finite outputs, got others on the text it was compared on. Leave out ${dtype}, or write it all the same with --force; nothing was written.`,
  );
}

/** @throws RunError when the score fell by more than a share of it */
function refuseLoss(
  { name, score, dtype }: ExportedFile,
  { own, task, maxDrop, force }: { own: number; task: string; maxDrop: number; force: boolean },
): void {
  const lost = score === null ? 0 : own - score;
  if (force || lost <= maxDrop * Math.abs(own)) return; // A correlation may be 0, or below.
  throw new RunError(
    `onnx/${name}: expected ${task} to keep its score of ${own.toFixed(4)} within ${percent(maxDrop)}, got ${score?.toFixed(4)}, ${percent(lost / Math.abs(own))} less. Leave out ${dtype}, allow more with --max-drop, or write it all the same with --force; nothing was written.`,
  );
}

function bytesOf(folder: string, { name }: OnnxFileKind): number {
  const parts = readdirSync(folder).filter((file) => file === name || file === `${name}_data`);
  return parts.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
}
