import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ConfigError, FormatError } from "../errors.js";
import { asideTarget, removeLeftovers, replaceText, syncPath } from "../storage/atomic-files.js";
import { sha256Of } from "../storage/digest.js";
import { writeError } from "../storage/disk.js";
import {
  formatJson,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  quoted,
  readJsonObject,
  toJsonObject,
} from "../storage/json-file.js";
import { type DirectoryLock, isLockName, lockDirectory, takeDirectory } from "../storage/lock.js";
import {
  type Checkpoint,
  type CheckpointContent,
  listSteps,
  openLatestCheckpoint,
  pruneCheckpoints,
  writeCheckpoint,
} from "./checkpoints.js";
import { MetricsLog } from "./metrics-log.js";

const RECIPE_FILE = "recipe.json";
const METRICS_FILE = "metrics.jsonl";
const CHECKPOINTS = "checkpoints";

/** How a run directory is used; nothing here changes the result. */
export interface RunOptions {
  /** How many checkpoints to keep; at least 1. Default 2. */
  readonly keepCheckpoints?: number;
  /** Told in one line of anything odd that does not stop the run. Default: standard error. */
  readonly onWarning?: (line: string) => void;
}

/**
 * Makes a run directory and takes it for this process.
 *
 * @throws ConfigError when it is in use, already a run, or holds anything else
 */
export function createRun(directory: string, recipe: object, options: RunOptions = {}): Run {
  const lock = takeDirectory(directory, () => refuseForeign(directory));
  try {
    replaceText(join(directory, RECIPE_FILE), formatJson(recipe));
    mkdirSync(join(directory, CHECKPOINTS), { recursive: true });
    for (const folder of [directory, dirname(resolve(directory))]) syncPath(folder);
    return new Run(directory, readRecipe(directory), lock, options);
  } catch (error) {
    lock.release();
    throw writeError(directory, error);
  }
}

/**
 * Takes an existing run directory for this process, to resume the run.
 *
 * @param recipe when given, must equal the run's own
 * @throws FormatError when it is not a run directory
 * @throws ConfigError when it is in use, or the recipe differs, naming the key
 */
export function openRun(directory: string, recipe: object | null = null, options: RunOptions = {}): Run {
  if (!isRun(directory)) {
    const got = existsSync(directory) ? `one without ${RECIPE_FILE}` : "nothing there";
    throw new FormatError(directory, `expected a run directory, got ${got}. Check the path.`);
  }
  const lock = lockDirectory(directory);
  try {
    const own = readRecipe(directory);
    if (recipe !== null) checkSameRecipe(directory, own, toJsonObject(recipe));
    removeLeftovers(join(directory, CHECKPOINTS));
    return new Run(directory, own, lock, options);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Whether a directory is a run's. */
export function isRun(directory: string): boolean {
  return existsSync(join(directory, RECIPE_FILE));
}

/** Whether a directory is a run's that has saved a checkpoint. */
export function hasCheckpoint(directory: string): boolean {
  return isRun(directory) && listSteps(join(directory, CHECKPOINTS)).length > 0;
}

/** Removes the checkpoints of a run that is finished and never to be resumed, two of three or four times its model's size. */
export function discardCheckpoints(directory: string): void {
  rmSync(join(directory, CHECKPOINTS), { recursive: true, force: true });
}

/** The recipe of a run, without taking the directory. */
export function readRecipe(directory: string): JsonObject {
  return readJsonObject(join(directory, RECIPE_FILE), "a run's recipe");
}

/** A run directory that this process has taken. */
export class Run implements Disposable {
  readonly directory: string;
  readonly recipe: JsonObject;
  readonly #lock: DirectoryLock;
  readonly #keep: number;
  readonly #onWarning: (line: string) => void;
  /** Of recipe.json, as it was written. */
  readonly #recipeSha256: string;
  #metrics: MetricsLog | null = null;
  /** The checkpoint that was opened or saved last. */
  #atStep: number | null = null;

  constructor(directory: string, recipe: JsonObject, lock: DirectoryLock, options: RunOptions) {
    this.directory = directory;
    this.recipe = recipe;
    this.#recipeSha256 = sha256Of([formatJson(recipe)]);
    this.#lock = lock;
    this.#keep = options.keepCheckpoints ?? 2;
    this.#onWarning = options.onWarning ?? ((line) => process.stderr.write(`${line}\n`));
    if (!(this.#keep >= 1)) throw new ConfigError(`keepCheckpoints: expected at least 1, got ${this.#keep}.`);
  }

  get metricsPath(): string {
    return join(this.directory, METRICS_FILE);
  }

  /** Where the result goes: a Hugging Face model folder. */
  get modelPath(): string {
    return join(this.directory, "model");
  }

  /** Steps that have a checkpoint, newest first. */
  get checkpointSteps(): number[] {
    return listSteps(this.#checkpoints);
  }

  /**
   * Opens metrics.jsonl to go on after `bytes`: what an interrupted run had written beyond is dropped.
   */
  openMetrics(bytes: number): MetricsLog {
    this.#metrics?.close();
    this.#metrics = new MetricsLog(this.metricsPath, bytes);
    return this.#metrics;
  }

  /**
   * Saves a checkpoint whole or not at all, then removes all but the newest ones.
   *
   * @throws StorageError when the disk is full, naming the last good checkpoint; nothing is lost
   */
  saveCheckpoint(step: number, content: CheckpointContent): void {
    // A checkpoint promises the metrics up to its step.
    this.#metrics?.sync();
    writeCheckpoint(this.#checkpoints, step, { content, recipeSha256: this.#recipeSha256, earlier: this.#atStep });
    this.#atStep = step;
    pruneCheckpoints(this.#checkpoints, { step, keep: this.#keep });
  }

  /**
   * Opens the newest complete checkpoint, passing over damaged ones with a warning; null when there is none.
   *
   * @throws FormatError when there are checkpoints and every one is damaged
   * @throws ConfigError when an earlier version saved them, or recipe.json is not the one they were trained with
   */
  latestCheckpoint(): Checkpoint | null {
    const checkpoint = openLatestCheckpoint(this.#checkpoints, this.#onWarning);
    if (checkpoint !== null && checkpoint.recipeSha256 !== this.#recipeSha256) {
      checkpoint.close();
      throw new ConfigError(
        `${join(this.directory, RECIPE_FILE)}: expected the recipe that step-${checkpoint.step} was trained with, got another: it was changed since. Put it back, or start a new run with it.`,
      );
    }
    this.#atStep = checkpoint?.step ?? null;
    return checkpoint;
  }

  /** Says in one line what is odd and does not stop the run. */
  warn(line: string): void {
    this.#onWarning(line);
  }

  /** Gives the directory back. */
  close(): void {
    this.#metrics?.close();
    this.#lock.release();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get #checkpoints(): string {
    return join(this.directory, CHECKPOINTS);
  }
}

function refuseForeign(directory: string): void {
  if (isRun(directory)) {
    throw new ConfigError(
      `${directory}: expected a new or empty directory, got a run. Resume it with --resume, or give another path.`,
    );
  }
  // Locks and a recipe that never got in place are what a process killed in its first moments leaves.
  const own = (name: string): boolean => isLockName(name) || asideTarget(name)?.target === RECIPE_FILE;
  const foreign = readdirSync(directory).find((name) => !own(name));
  if (foreign !== undefined) {
    throw new ConfigError(
      `${directory}: expected a new or empty directory, got one with ${quoted(foreign)}. Give another path.`,
    );
  }
}

function checkSameRecipe(directory: string, own: JsonObject, given: JsonObject): void {
  const difference = firstDifference(own, given, "");
  if (difference === null) return;
  const { key, a, b } = difference;
  const what = `expected the run's own recipe, in which ${key} is ${JSON.stringify(a)}, got ${JSON.stringify(b)}`;
  throw new ConfigError(`${directory}: ${what}. Resume with the same recipe, or start a new run for this one.`);
}

type Difference = { key: string; a: JsonValue | undefined; b: JsonValue | undefined };

function firstDifference(a: JsonValue | undefined, b: JsonValue | undefined, key: string): Difference | null {
  if (isObjectOrArray(a) && isObjectOrArray(b) && Array.isArray(a) === Array.isArray(b)) {
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const inner = firstDifference(member(a, name), member(b, name), key === "" ? name : `${key}.${name}`);
      if (inner !== null) return inner;
    }
    return null;
  }
  return a === b ? null : { key, a, b };
}

function isObjectOrArray(value: unknown): value is JsonObject | readonly JsonValue[] {
  return Array.isArray(value) || isJsonObject(value);
}

function member(value: JsonObject | readonly JsonValue[], name: string): JsonValue | undefined {
  return Object.entries(value).find(([key]) => key === name)?.[1];
}
