import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError, LimbeckError, RunError, StorageError } from "../errors.js";
import { formatBytes } from "../quantities.js";
import { isRunning } from "./processes.js";

/** What was written: enough to tell later whether the file is still the same. */
export interface WrittenFile {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

// One write call takes at most 2^31 - 1 bytes; smaller pieces also keep the page cache's bursts short.
const WRITE_BYTES = 64 * 1024 * 1024;
const DISK_FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const CANNOT_SYNC = new Set(["EINVAL", "ENOTSUP"]);
const NOT_ALLOWED = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "ENAMETOOLONG"]);

const PROC_FILE_SYSTEM = 0x9fa0; // statfs(2): PROC_SUPER_MAGIC

let asideCount = 0;

/** A name beside `path` that no other process uses: `.model.tmp-<pid>-<n>`. */
export function asideName(path: string, kind: "tmp" | "old" = "tmp"): string {
  asideCount += 1;
  return join(dirname(path), `.${basename(path)}.${kind}-${process.pid}-${asideCount}`);
}

/** The system's error code (`ENOENT`), or "" for an error that has none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/**
 * Refuses a folder to be made below /proc, by whatever name: nothing can be made there, and Node's recursive mkdir never
 * comes back from trying.
 *
 * @throws ConfigError then
 */
export function refuseProc(path: string): void {
  if (existsSync(path)) return;
  if (statfsSync(nearestFolder(path)).type !== PROC_FILE_SYSTEM) return;
  throw new ConfigError(`${path}: expected a place where folders can be made, got one below /proc. Give another path.`);
}

/** Writes every byte at the end of an open file, however many calls that takes. */
export function writeFully(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength; ) {
    done += writeSync(fd, bytes, done, Math.min(WRITE_BYTES, bytes.byteLength - done));
  }
}

/** Writes a new file and waits until it is on the disk; on failure no file is left. */
export function writeSynced(path: string, chunks: Iterable<Uint8Array>): WrittenFile {
  const fd = openSync(path, "wx");
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for (const chunk of chunks) {
      writeFully(fd, chunk);
      hash.update(chunk);
      bytes += chunk.byteLength;
    }
    fsyncSync(fd);
  } catch (error) {
    closeSync(fd);
    rmSync(path, { force: true });
    throw error;
  }
  closeSync(fd);
  return { bytes, sha256: hash.digest("hex") };
}

/** Waits until the names in a folder, or a file's content, are on the disk. */
export function syncPath(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } catch (error) {
    // Some file systems cannot sync a folder and say so; there is nothing better to do on them.
    if (!CANNOT_SYNC.has(errorCode(error))) throw error;
  } finally {
    closeSync(fd);
  }
}

/** Waits for every file under a folder, and for the folder itself. */
export function syncFolder(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) syncFolder(path);
    else if (entry.isFile()) syncPath(path);
  }
  syncPath(folder);
}

/**
 * Puts a file in place whole or not at all: it is written aside, synced, and renamed over what was there.
 *
 * @throws StorageError when the disk is full; what was there before stays
 */
export function replaceFile(path: string, chunks: Iterable<Uint8Array>, neededBytes?: number): void {
  const aside = asideName(path);
  try {
    writeSynced(aside, chunks);
    renameSync(aside, path);
    syncPath(dirname(path));
  } catch (error) {
    rmSync(aside, { force: true });
    throw writeError(path, error, { neededBytes });
  }
}

/** `replaceFile` for text, as UTF-8. */
export function replaceText(path: string, text: string): void {
  const bytes = Buffer.from(text);
  replaceFile(path, [bytes], bytes.byteLength);
}

/**
 * Puts a complete folder in place of `target`.
 *
 * A folder that is not empty cannot be renamed over in one call, so what was there steps aside first; a crash between
 * the two renames is what `restoreSteppedAside` mends.
 */
export function replaceFolder(complete: string, target: string): void {
  const old = asideName(target, "old");
  const replaces = existsSync(target);
  if (replaces) renameSync(target, old);
  try {
    renameSync(complete, target);
  } catch (error) {
    if (replaces) renameSync(old, target);
    throw error;
  }
  syncPath(dirname(target));
  if (replaces) rmSync(old, { recursive: true });
}

/** Removes what processes that are gone had written aside for `target` and never put in place. */
export function removeAbandoned(target: string): void {
  const parent = dirname(target);
  if (!existsSync(parent)) return;
  const prefix = `.${basename(target)}.tmp-`;
  for (const name of readdirSync(parent)) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN;
    if (!Number.isNaN(pid) && !isRunning(pid)) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

/** Brings back a folder that had stepped aside when a replacement was cut short. */
export function restoreSteppedAside(target: string): void {
  const prefix = `.${basename(target)}.old-`;
  const parent = dirname(target);
  if (existsSync(target) || !existsSync(parent)) return;
  const old = readdirSync(parent).find((name) => name.startsWith(prefix));
  if (old !== undefined) renameSync(join(parent, old), target);
}

/**
 * The error to throw when writing under `path` failed, in one line.
 *
 * @param neededBytes what the whole write takes
 * @param remedy      a sentence on what is safe and what to do
 */
export function writeError(
  path: string,
  error: unknown,
  { neededBytes, remedy = "Free some space and run it again." }: { neededBytes?: number | undefined; remedy?: string },
): LimbeckError {
  if (error instanceof LimbeckError) return error;
  const code = errorCode(error);
  if (DISK_FULL.has(code)) {
    const needed = neededBytes === undefined ? "" : `expected room for ${formatBytes(neededBytes)}, got `;
    const limit = code === "EFBIG" ? "a file size limit" : `${formatBytes(freeBytes(path))} free`;
    return new StorageError(`${path}: no space left (${code}): ${needed}${limit}. ${remedy}`, { cause: error });
  }
  if (NOT_ALLOWED.has(code)) {
    return new ConfigError(`${path}: not writable (${code}). Change its permissions or give another path.`, {
      cause: error,
    });
  }
  const words = error instanceof Error ? error.message : String(error);
  return new RunError(`${path}: writing failed: ${words}`, { cause: error });
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(nearestFolder(path));
  return bavail * bsize;
}

/** The folder itself, or the nearest above it that is there. */
function nearestFolder(path: string): string {
  let folder = resolve(path);
  while (!existsSync(folder)) folder = dirname(folder);
  return folder;
}
