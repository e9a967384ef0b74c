import { closeSync, fsyncSync, openSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type LimbeckError, StorageError } from "../errors.js";

/** What to call a file while it is not yet whole. */
export const PARTIAL_SUFFIX = ".partial";

const REASONS: Record<string, string> = {
  ENOSPC: "the disk is full. Free some space",
  EDQUOT: "the disk quota is used up. Free some space",
  EFBIG: "the file would be larger than is allowed here. Raise the limit on file sizes",
  EROFS: "the file system is read-only. Choose another folder",
  EACCES: "permission denied. Choose another folder",
};

/** A failed write as one line that says what to do; what was written before is kept, so the same command goes on. */
export function diskError(path: string, cause: unknown): LimbeckError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const reason = REASONS[code] ?? `it cannot be written (${code || String(cause)}). Put that right`;
  return new StorageError(`${path}: ${reason}, and run the same command again: it goes on where it stopped.`, {
    cause,
  });
}

/**
 * Replaces a file as a whole: written aside, synced, renamed. A reader sees the old bytes or the new, whatever happens.
 *
 * @throws StorageError when the disk is full or the file cannot be written
 */
export function writeAtomically(path: string, contents: string | Uint8Array): void {
  const partial = path + PARTIAL_SUFFIX;
  try {
    const descriptor = openSync(partial, "w");
    try {
      writeFileSync(descriptor, contents);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(partial, path);
    syncFolder(dirname(path));
  } catch (cause) {
    removeIfThere(partial);
    throw diskError(path, cause);
  }
}

/** Makes renames in a folder durable. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made, or the disk that failed refuses this too; the next run overwrites it.
  }
}
