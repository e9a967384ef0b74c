import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../errors.js";
import { diskError, PARTIAL_SUFFIX } from "./disk.js";
import { FREQUENCIES_FILE, MANIFEST_FILE, TOKENIZER_FOLDER } from "./manifest.js";
import { PROGRESS_FILE } from "./progress.js";

const LOCK_FILE = "prepare.lock";
const SHARD_NAME = /^(shard|heldout)-\d{5}\.tokens$/;
const WRITTEN_WHOLE = [PROGRESS_FILE, MANIFEST_FILE, FREQUENCIES_FILE];
const OWN_NAMES = new Set([
  ...WRITTEN_WHOLE,
  ...WRITTEN_WHOLE.map((name) => name + PARTIAL_SUFFIX),
  LOCK_FILE,
  TOKENIZER_FOLDER,
]);

/**
 * Makes the folder, or takes one that an earlier `prepare` left, for this process alone.
 *
 * @returns gives the folder up
 * @throws ConfigError when the folder holds something else, or another process is at work in it
 */
export function claimFolder(folder: string): () => void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === false) {
    throw new ConfigError(
      `${folder}: expected a new or empty folder for the dataset, got a file. Choose another name.`,
    );
  }
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw diskError(folder, cause);
  }
  checkOwn(folder);
  const lock = join(folder, LOCK_FILE);
  takeLock(lock);
  return () => rmSync(lock, { force: true });
}

function checkOwn(folder: string): void {
  const names = readdirSync(folder);
  const foreign = names.find((name) => !OWN_NAMES.has(name) && !SHARD_NAME.test(name));
  const begun = names.some((name) => name === PROGRESS_FILE || name === MANIFEST_FILE);
  const orphan = begun ? undefined : names.find((name) => name === TOKENIZER_FOLDER || SHARD_NAME.test(name));
  const found = foreign ?? orphan;
  if (found === undefined) return;
  throw new ConfigError(
    `${folder}: expected a new or empty folder, or one to go on with, but it holds "${found}". Choose another folder.`,
  );
}

function takeLock(lock: string): void {
  for (;;) {
    try {
      writeFileSync(lock, `${process.pid}\n`, { flag: "wx" });
      return;
    } catch (cause) {
      if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw diskError(lock, cause);
    }
    const holder = Number.parseInt(readLock(lock), 10);
    if (isAlive(holder)) {
      throw new ConfigError(
        `${lock}: process ${holder} is preparing this folder. Wait for it, or choose another folder.`,
      );
    }
    rmSync(lock, { force: true }); // Its process was killed.
  }
}

function readLock(lock: string): string {
  try {
    return readFileSync(lock, "utf8");
  } catch {
    return ""; // Given up in the meantime.
  }
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
