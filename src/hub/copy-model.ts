import { copyFileSync, linkSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  asideName,
  removeAbandoned,
  replaceFolder,
  restoreSteppedAside,
  syncFolder,
  writeError,
} from "../storage/atomic-files.js";
import { assertModelFolderReplaceable } from "./folder.js";

/**
 * Puts a second name for a model folder's files in place of `path`, whole or not at all; a model that is there already
 * is replaced. It takes no room where the disk has hard links, and is a copy elsewhere.
 *
 * @throws FormatError when `path` holds something that is not a model
 * @throws StorageError when the disk is full; what was there before stays
 */
export function copyModelFolder(source: string, path: string): void {
  const target = resolve(path);
  const aside = asideName(target);
  try {
    restoreSteppedAside(target);
    removeAbandoned(target);
    assertModelFolderReplaceable(target);
    mkdirSync(aside);
    for (const name of readdirSync(source)) linkOrCopy(join(source, name), join(aside, name));
    syncFolder(aside);
    replaceFolder(aside, target);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    throw writeError(path, error, {});
  }
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target); // Whatever kept it from being linked, a copy does or says why not.
  }
}
