import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FormatError, LimbeckError } from "../errors.js";
import {
  asideName,
  replaceFolder,
  restoreSteppedAside,
  syncPath,
  type WrittenFile,
  writeError,
  writeSynced,
} from "../storage/atomic-files.js";
import { formatJson, isJsonObject, type JsonObject, readError, readJsonObject } from "../storage/json-file.js";
import { openSafetensors, type SafetensorsFile, serializeSafetensors, type TensorEntries } from "../hub/safetensors.js";

const MODEL_FILE = "model.safetensors";
const OPTIMIZER_FILE = "optimizer.safetensors";
const STATE_FILE = "state.json";
const READ_BYTES = 4 * 1024 * 1024;

/** What a checkpoint holds. */
export interface CheckpointContent {
  readonly model: TensorEntries;
  readonly optimizer: TensorEntries;
  /** Everything else the loop needs to go on: what JSON can hold, with finite numbers. */
  readonly state: object;
}

/** A complete checkpoint, opened. */
export interface Checkpoint extends Disposable {
  readonly step: number;
  readonly path: string;
  readonly model: SafetensorsFile;
  readonly optimizer: SafetensorsFile;
  readonly state: JsonObject;
  close(): void;
}

const FileDigest = z.object({ bytes: z.int().nonnegative(), sha256: z.string() });

/** state.json: the loop's state, and what tells whether this checkpoint is whole. */
const StateFile = z.object({
  step: z.int().nonnegative(),
  state: z.custom<JsonObject>(isJsonObject, "expected an object"),
  stateSha256: z.string(),
  files: z.object({ [MODEL_FILE]: FileDigest, [OPTIMIZER_FILE]: FileDigest }),
});

/** Steps that have a checkpoint under `folder`, newest first; whether each is whole is not looked at. */
export function listSteps(folder: string): number[] {
  if (!existsSync(folder)) return [];
  const steps = readdirSync(folder).flatMap((name) => {
    const match = /^step-(\d+)$/.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
  return steps.sort((a, b) => b - a);
}

export function checkpointPath(folder: string, step: number): string {
  return join(folder, `step-${step}`);
}

/**
 * Writes `step-N` under `folder` whole or not at all: aside, synced, renamed.
 *
 * @throws StorageError when the disk is full, naming what was needed and the last checkpoint; nothing is lost
 */
export function writeCheckpoint(folder: string, step: number, content: CheckpointContent): void {
  const target = checkpointPath(folder, step);
  const model = serializeSafetensors(content.model);
  const optimizer = serializeSafetensors(content.optimizer);
  const aside = asideName(target);
  try {
    mkdirSync(aside, { recursive: true });
    const files = {
      [MODEL_FILE]: writeSynced(join(aside, MODEL_FILE), model.chunks),
      [OPTIMIZER_FILE]: writeSynced(join(aside, OPTIMIZER_FILE), optimizer.chunks),
    };
    writeSynced(join(aside, STATE_FILE), [Buffer.from(formatState(step, content.state, files))]);
    syncPath(aside);
    replaceFolder(aside, target);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    const neededBytes = model.byteLength + optimizer.byteLength;
    throw writeError(target, error, { neededBytes, remedy: remedyFor(folder) });
  }
}

/**
 * Opens the checkpoint of one step after reading every byte of it.
 *
 * @throws FormatError when it is not complete, or not what was written
 */
export function openCheckpoint(folder: string, step: number): Checkpoint {
  const path = checkpointPath(folder, step);
  const { state, files } = readState(path, step);
  for (const name of [MODEL_FILE, OPTIMIZER_FILE] as const) checkDigest(join(path, name), files[name]);
  const model = openSafetensors(join(path, MODEL_FILE));
  try {
    const optimizer = openSafetensors(join(path, OPTIMIZER_FILE));
    const close = (): void => {
      model.close();
      optimizer.close();
    };
    return { step, path, model, optimizer, state, close, [Symbol.dispose]: close };
  } catch (error) {
    model.close();
    throw error;
  }
}

/**
 * Opens the newest complete checkpoint, or gives null when there is none at all.
 *
 * @param onWarning told of each damaged checkpoint that was passed over
 * @throws FormatError when there are checkpoints and every one is damaged
 */
export function openLatestCheckpoint(folder: string, onWarning: (line: string) => void): Checkpoint | null {
  let newest: LimbeckError | null = null;
  for (const step of listSteps(folder)) {
    try {
      const checkpoint = openCheckpoint(folder, step);
      if (newest !== null) onWarning(`${newest.message} Going on from step-${step}, the one before.`);
      return checkpoint;
    } catch (error) {
      if (!(error instanceof LimbeckError)) throw error;
      newest ??= error;
    }
  }
  if (newest === null) return null;
  const message = `expected a complete checkpoint, got only damaged ones; the newest: ${newest.message}`;
  throw new FormatError(folder, `${message} Start again in a new directory.`, { cause: newest });
}

/** Removes all but the `keep` newest checkpoints up to `step`, which has just been written and so is good. */
export function pruneCheckpoints(folder: string, { step, keep }: { step: number; keep: number }): void {
  const upToStep = listSteps(folder).filter((other) => other <= step);
  for (const old of upToStep.slice(Math.max(keep, 1))) {
    // Renamed first, so that one that is half removed is never taken for a checkpoint.
    const aside = asideName(checkpointPath(folder, old));
    renameSync(checkpointPath(folder, old), aside);
    rmSync(aside, { recursive: true, force: true });
  }
}

/** Tidies up after a process that was killed while it wrote; to be called under the run's lock. */
export function removeLeftovers(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const steppedAside = /^\.(step-\d+)\.old-/.exec(name)?.[1];
    if (steppedAside !== undefined) restoreSteppedAside(join(folder, steppedAside));
    if (/^\.step-\d+\.(tmp|old)-/.test(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function formatState(step: number, state: object, files: Record<string, WrittenFile>): string {
  return formatJson({ step, state, stateSha256: stateSha256(state), files });
}

function stateSha256(state: object): string {
  return createHash("sha256").update(formatJson(state)).digest("hex");
}

function readState(path: string, step: number): z.infer<typeof StateFile> {
  const statePath = join(path, STATE_FILE);
  const parsed = StateFile.safeParse(readJsonObject(statePath, "a checkpoint's state.json"));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new FormatError(statePath, `${issue?.path.join(".")}: ${issue?.message}. The checkpoint is damaged.`);
  }
  if (parsed.data.step !== step) {
    throw new FormatError(statePath, `expected step ${step}, got ${parsed.data.step}. The checkpoint is damaged.`);
  }
  if (stateSha256(parsed.data.state) !== parsed.data.stateSha256) {
    throw new FormatError(
      statePath,
      "expected the state its SHA-256 tells of, got another. The checkpoint is damaged.",
    );
  }
  return parsed.data;
}

function checkDigest(path: string, expected: WrittenFile): void {
  const got = digestFile(path);
  if (got.bytes !== expected.bytes) {
    const what = `expected ${expected.bytes} bytes, got ${got.bytes}`;
    throw new FormatError(path, `${what}. The checkpoint is damaged.`);
  }
  if (got.sha256 !== expected.sha256) {
    throw new FormatError(path, "expected the bytes its SHA-256 tells of, got others. The checkpoint is damaged.");
  }
}

function digestFile(path: string): WrittenFile {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(READ_BYTES);
  let bytes = 0;
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    throw readError(path, "a checkpoint's file", error);
  }
  try {
    for (let got = readSync(fd, buffer); got > 0; got = readSync(fd, buffer)) {
      hash.update(buffer.subarray(0, got));
      bytes += got;
    }
  } finally {
    closeSync(fd);
  }
  return { bytes, sha256: hash.digest("hex") };
}

function remedyFor(folder: string): string {
  const [last] = listSteps(folder);
  const safe = last === undefined ? "There is no checkpoint yet" : `The last good checkpoint is step-${last}`;
  return `${safe}: free some space and resume.`;
}
