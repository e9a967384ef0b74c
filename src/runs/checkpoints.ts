import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FormatError, LimbeckError } from "../errors.js";
import { openSafetensors, type SafetensorsFile, serializeSafetensors, type TensorEntries } from "../hub/safetensors.js";
import { FolderDraft, removeFolder, writeSynced } from "../storage/atomic-files.js";
import { digestFile, type FileDigest, sha256Of } from "../storage/digest.js";
import { writeError } from "../storage/disk.js";
import { formatJson, isJsonObject, type JsonObject, readJsonFile } from "../storage/json-file.js";

const MODEL_FILE = "model.safetensors";
const OPTIMIZER_FILE = "optimizer.safetensors";
const STATE_FILE = "state.json";
const DAMAGED = "The checkpoint is damaged.";

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

const WrittenFile = z.object({ bytes: z.int().nonnegative(), sha256: z.string() });

/** state.json: the loop's state, and what tells whether this checkpoint is whole. */
const StateFile = z.object({
  step: z.int().nonnegative(),
  state: z.custom<JsonObject>(isJsonObject, "expected an object"),
  stateSha256: z.string(),
  files: z.object({ [MODEL_FILE]: WrittenFile, [OPTIMIZER_FILE]: WrittenFile }),
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
  try {
    using draft = new FolderDraft(target);
    const files = {
      [MODEL_FILE]: writeSynced(join(draft.path, MODEL_FILE), model.chunks),
      [OPTIMIZER_FILE]: writeSynced(join(draft.path, OPTIMIZER_FILE), optimizer.chunks),
    };
    writeSynced(join(draft.path, STATE_FILE), [Buffer.from(formatState(step, content.state, files))]);
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
  for (const old of upToStep.slice(Math.max(keep, 1))) removeFolder(checkpointPath(folder, old));
}

function formatState(step: number, state: object, files: Record<string, FileDigest>): string {
  return formatJson({ step, state, stateSha256: stateSha256(state), files });
}

function stateSha256(state: object): string {
  return sha256Of([formatJson(state)]);
}

function readState(path: string, step: number): z.infer<typeof StateFile> {
  const statePath = join(path, STATE_FILE);
  const file = readJsonFile(statePath, StateFile, { what: "a checkpoint's state.json", remedy: DAMAGED });
  if (file.step !== step) throw new FormatError(statePath, `expected step ${step}, got ${file.step}. ${DAMAGED}`);
  if (stateSha256(file.state) !== file.stateSha256) {
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
