import { readdirSync } from "node:fs";
import { ConfigError } from "../errors.js";
import { asideTarget, removeLeftovers } from "../storage/atomic-files.js";
import { type DirectoryLock, isLockName, takeDirectory } from "../storage/lock.js";
import { FREQUENCIES_FILE, MANIFEST_FILE, TOKENIZER_FOLDER } from "./manifest.js";
import { PROGRESS_FILE } from "./prepare-progress.js";

const SHARD_NAME = /^(shard|heldout)-\d{5}\.tokens$/;
const OWN_NAMES = [PROGRESS_FILE, MANIFEST_FILE, FREQUENCIES_FILE, TOKENIZER_FOLDER];

/**
 * Makes the folder, or takes one that an earlier `prepare` left, for this process alone.
 *
 * @throws ConfigError when the folder holds something else, or another process is at work in it
 */
export function claimFolder(folder: string): DirectoryLock {
  const lock = takeDirectory(folder, () => checkOwn(folder));
  removeLeftovers(folder);
  return lock;
}

function checkOwn(folder: string): void {
  const names = readdirSync(folder);
  const foreign = names.find((name) => !isOwn(name));
  const begun = names.some((name) => name === PROGRESS_FILE || name === MANIFEST_FILE);
  const orphan = begun ? undefined : names.find((name) => name === TOKENIZER_FOLDER || SHARD_NAME.test(name));
  const found = foreign ?? orphan;
  if (found === undefined) return;
  throw new ConfigError(
    `${folder}: expected a new or empty folder, or one to go on with, but it holds "${found}". Choose another folder.`,
  );
}

function isOwn(name: string): boolean {
  if (isLockName(name) || SHARD_NAME.test(name)) return true;
  return OWN_NAMES.includes(asideTarget(name)?.target ?? name);
}
