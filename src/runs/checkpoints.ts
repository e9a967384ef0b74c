import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ConfigError, FormatError } from "../errors.js";
import { openSafetensors, type SafetensorsFile, serializeSafetensors, type TensorEntries } from "../hub/safetensors.js";
import { FolderDraft, linkOrCopy, removeFolder, writeSynced } from "../storage/atomic-files.js";
import { digestFile, type FileDigest, sha256Of } from "../storage/digest.js";
import { writeError } from "../storage/disk.js";
import {
  formatJson,
  isJsonObject,
  type JsonObject,
  parseJson,
  readJsonObject,
  toJsonObject,
} from "../storage/json-file.js";

const MODEL_FILE = "model.safetensors";
const OPTIMIZER_FILE = "optimizer.safetensors";
const BEST_FILE = "best.safetensors";
const STATE_FILE = "state.json";
/** Of state.json. The first, which had no number, left the last evaluation and the best weights to other files. */
const FORMAT = 2;
const DAMAGED = "The checkpoint is damaged.";

/** What a checkpoint holds. */
export interface CheckpointContent {
  readonly model: TensorEntries;
  readonly optimizer: TensorEntries;
  /** Weights kept for the end: this checkpoint's own, or those that the checkpoint of an earlier step keeps. */
  readonly best?: "own" | "earlier" | null;
  /** Everything else the loop needs to go on: what JSON can hold, with finite numbers. */
  readonly state: object;
}

/** A complete checkpoint, opened. */
export interface Checkpoint extends Disposable {
  readonly step: number;
  readonly path: string;
  readonly model: SafetensorsFile;
  readonly optimizer: SafetensorsFile;
  /** The weights kept for the end; null where none are. */
  readonly best: SafetensorsFile | null;
  readonly recipeSha256: string;
  readonly state: JsonObject;
  close(): void;
}

const WrittenFile = z.object({ bytes: z.int().nonnegative(), sha256: z.string() });

/** state.json: the loop's state, and what tells whether this checkpoint is whole. */
const StateFile = z.object({
  format: z.literal(FORMAT),
  step: z.int().nonnegative(),
  state: z.custom<JsonObject>(isJsonObject, "expected an object"),
  stateSha256: z.string(),
  /** Of the run's recipe.json. */
  recipeSha256: z.string(),
  files: z.object({ [MODEL_FILE]: WrittenFile, [OPTIMIZER_FILE]: WrittenFile, [BEST_FILE]: WrittenFile.optional() }),
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

function checkpointPath(folder: string, step: number): string {
  return join(folder, `step-${step}`);
}

/**
 * Writes `step-N` under `folder` whole or not at all: aside, synced, renamed.
 *
 * @param options.earlier the step of the checkpoint whose best weights go on being the best
 * @throws StorageError when the disk is full, naming what was needed and the last checkpoint; nothing is lost
 */
export function writeCheckpoint(
  folder: string,
  step: number,
  { content, recipeSha256, earlier }: { content: CheckpointContent; recipeSha256: string; earlier: number | null },
): void {
  const target = checkpointPath(folder, step);
  const model = serializeSafetensors(content.model);
  const optimizer = serializeSafetensors(content.optimizer);
  try {
    using draft = new FolderDraft(target);
    const files = {
      [MODEL_FILE]: writeSynced(join(draft.path, MODEL_FILE), model.chunks),
      [OPTIMIZER_FILE]: writeSynced(join(draft.path, OPTIMIZER_FILE), optimizer.chunks),
    };
    const own = { path: join(draft.path, MODEL_FILE), digest: files[MODEL_FILE] };
    const best = content.best === "own" ? own : content.best === "earlier" ? bestOf(folder, earlier) : null;
    if (best !== null) linkOrCopy(best.path, join(draft.path, BEST_FILE));
    const state = toJsonObject(content.state);
    const file: z.infer<typeof StateFile> = {
      ...{ format: FORMAT, step, state, stateSha256: sha256Of([formatJson(state)]), recipeSha256 },
      files: best === null ? files : { ...files, [BEST_FILE]: best.digest },
    };
    writeSynced(join(draft.path, STATE_FILE), [Buffer.from(formatJson(file))]);
    draft.commit();
  } catch (error) {
    const neededBytes = model.byteLength + optimizer.byteLength;
    const [last] = listSteps(folder);
    const safe = last === undefined ? "There is no checkpoint yet." : `The last good checkpoint is step-${last}.`;
    throw writeError(target, error, { neededBytes, safe, next: "resume" });
  }
}

/**
 * Opens the checkpoint of one step after reading every byte of it.
 *
 * @throws FormatError when it is not complete, or not what was written
 * @throws ConfigError when an earlier version saved it
 */
function openCheckpoint(folder: string, step: number): Checkpoint {
  const path = checkpointPath(folder, step);
  const { state, files, recipeSha256 } = readState(path, step);
  for (const [name, digest] of Object.entries(files)) if (digest) checkDigest(join(path, name), digest);
  const opened: SafetensorsFile[] = [];
  const open = (name: keyof typeof files): SafetensorsFile => {
    const file = openSafetensors(join(path, name));
    opened.push(file);
    return file;
  };
  const close = (): void => {
    for (const file of opened) file.close();
  };
  try {
    const [model, optimizer] = [open(MODEL_FILE), open(OPTIMIZER_FILE)];
    const best = files[BEST_FILE] === undefined ? null : open(BEST_FILE);
    return { step, path, model, optimizer, best, recipeSha256, state, close, [Symbol.dispose]: close };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Opens the newest complete checkpoint, or gives null when there is none at all.
 *
 * @param onWarning told of each damaged checkpoint that was passed over
 * @throws FormatError when there are checkpoints and every one is damaged
 * @throws ConfigError when an earlier version saved them
 */
export function openLatestCheckpoint(folder: string, onWarning: (line: string) => void): Checkpoint | null {
  let newest: FormatError | null = null;
  for (const step of listSteps(folder)) {
    try {
      const checkpoint = openCheckpoint(folder, step);
      if (newest !== null) onWarning(`${newest.message} Going on from step-${step}, the one before.`);
      return checkpoint;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
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
  for (const old of upToStep.slice(Math.max(keep, 1))) removeFolder(checkpointPath(folder, old));
}

/** The best weights that a checkpoint keeps. */
function bestOf(folder: string, step: number | null): { path: string; digest: FileDigest } {
  const path = checkpointPath(folder, step ?? 0);
  const digest = readState(path, step ?? 0).files[BEST_FILE];
  if (digest === undefined) throw new FormatError(path, `expected ${BEST_FILE}, got none. ${DAMAGED}`);
  return { path: join(path, BEST_FILE), digest };
}

function readState(path: string, step: number): z.infer<typeof StateFile> {
  const statePath = join(path, STATE_FILE);
  const value = readJsonObject(statePath, "a checkpoint's state.json");
  if (value.format !== FORMAT && value.stateSha256 !== undefined) {
    throw new ConfigError(
      `${statePath}: expected a checkpoint of this version of Limbeck, got one of another. Resume with the version that saved it, or start a new run.`,
    );
  }
  const file = parseJson(statePath, value, StateFile, DAMAGED);
  if (file.step !== step) throw new FormatError(statePath, `expected step ${step}, got ${file.step}. ${DAMAGED}`);
  if (sha256Of([formatJson(file.state)]) !== file.stateSha256) {
    throw new FormatError(statePath, `expected the state its SHA-256 tells of, got another. ${DAMAGED}`);
  }
  return file;
}

function checkDigest(path: string, expected: FileDigest): void {
  const got = digestFile(path, "a checkpoint's file");
  if (got.bytes !== expected.bytes) {
    throw new FormatError(path, `expected ${expected.bytes} bytes, got ${got.bytes}. ${DAMAGED}`);
  }
  if (got.sha256 !== expected.sha256) {
    throw new FormatError(path, `expected the bytes its SHA-256 tells of, got others. ${DAMAGED}`);
  }
}
