import { createHash } from "node:crypto";
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { FileDigest } from "./digest.js";
import { errorCode, type WriteErrorWords, writeError } from "./disk.js";
import { aliveness, newProcessName, parseProcessName } from "./processes.js";

// One write call takes at most 2^31 - 1 bytes; smaller pieces also keep the page cache's bursts short.
const WRITE_BYTES = 64 * 1024 * 1024;
const CANNOT_SYNC = new Set(["EINVAL", "ENOTSUP"]);

/** A file that is written piece by piece; a write that fails is told in one line. */
export class OutputFile implements Disposable {
  readonly path: string;
  readonly #next: string | undefined;
  #fd: number | null;

  /**
   * @param options.flag "wx" for a new file, "w" for a new one in place of what is there, "a" to append
   * @param options.next what to do after a disk was full, as in `writeError`
   * @throws StorageError or ConfigError when it cannot be opened
   */
  constructor(path: string, { flag, next }: { flag: "wx" | "w" | "a"; next?: string }) {
    this.path = path;
    this.#next = next;
    this.#fd = this.#told(() => openSync(path, flag));
  }

  /**
   * Writes every byte, however many calls that takes: at the end, or from `position` on.
   *
   * @throws StorageError when the disk is full
   */
  write(bytes: Uint8Array, position: number | null = null): void {
    const fd = this.#open();
    this.#told(() => writeFully(fd, bytes, position));
  }

  /** Waits until the disk has it. */
  sync(): void {
    const fd = this.#open();
    this.#told(() => fsyncSync(fd));
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #open(): number {
    if (this.#fd === null) throw new TypeError(`${this.path} was written to after it was closed`);
    return this.#fd;
  }

  #told<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw writeError(this.path, error, this.#next === undefined ? {} : { next: this.#next });
    }
  }
}

function writeFully(fd: number, bytes: Uint8Array, position: number | null = null): void {
  for (let done = 0; done < bytes.byteLength; ) {
    const length = Math.min(WRITE_BYTES, bytes.byteLength - done);
    done += writeSync(fd, bytes, done, length, position === null ? null : position + done);
  }
}

/** Writes a new file and waits until it is on the disk; on failure no file is left. */
export function writeSynced(path: string, chunks: Iterable<Uint8Array>): FileDigest {
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

/**
 * Puts a file in place whole or not at all: it is written aside, synced, and renamed over what was there. What
 * processes that are gone had written aside for it is tidied away.
 *
 * @throws StorageError when the disk is full; what was there before stays
 */
export function replaceFile(path: string, chunks: Iterable<Uint8Array>, words: WriteErrorWords = {}): FileDigest {
  removeAbandoned(path);
  const aside = asideName(path);
  try {
    const written = writeSynced(aside, chunks);
    renameSync(aside, path);
    syncPath(dirname(path));
    return written;
  } catch (error) {
    rmSync(aside, { force: true });
    throw writeError(path, error, words);
  }
}

/** `replaceFile` for text, as UTF-8. */
export function replaceText(path: string, text: string, words: WriteErrorWords = {}): FileDigest {
  const bytes = Buffer.from(text);
  return replaceFile(path, [bytes], { neededBytes: bytes.byteLength, ...words });
}

/**
 * A folder that is written aside: `commit` puts it in place whole, in place of what was there; without, nothing is left
 * of it. What processes that are gone had written aside for the same place is tidied away first.
 */
export class FolderDraft implements Disposable {
  /** Where its files are written. */
  readonly path: string;
  readonly #target: string;

  constructor(target: string) {
    this.#target = resolve(target);
    restoreSteppedAside(this.#target);
    removeAbandoned(this.#target);
    this.path = asideName(this.#target);
    mkdirSync(this.path, { recursive: true });
  }

  /** Waits until all of it is on the disk, and puts it in place. */
  commit(): void {
    syncFolder(this.path);
    replaceFolder(this.path, this.#target);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A second name for a file's bytes, which takes no room, where the disk has such; a copy elsewhere. */
export function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target); // Whatever kept it from being linked, a copy does or says why not.
  }
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

/** Removes a folder that is worth something only whole: renamed first, one that is half removed is never taken for it. */
export function removeFolder(path: string): void {
  const aside = asideName(path);
  renameSync(path, aside);
  rmSync(aside, { recursive: true, force: true });
}

/** Removes what processes that are gone had written aside for `target` and never put in place. */
function removeAbandoned(target: string): void {
  const parent = dirname(target);
  if (!existsSync(parent)) return;
  const prefix = `.${basename(target)}.tmp-`;
  for (const name of readdirSync(parent)) {
    const maker = name.startsWith(prefix) ? parseProcessName(name.slice(prefix.length)) : null;
    if (maker !== null && aliveness(maker) === "dead") rmSync(join(parent, name), { recursive: true, force: true });
  }
}

/** What a name in a folder was written aside for, and how; null where it was not. */
export function asideTarget(name: string): { readonly target: string; readonly kind: AsideKind } | null {
  const [, target, kind, maker = ""] = /^\.(.+)\.(tmp|old)-(.*)$/.exec(name) ?? [];
  if (target === undefined || parseProcessName(maker) === null) return null;
  return { target, kind: kind as AsideKind };
}

/** Tidies a folder that this process has locked: whoever wrote aside in it is gone. */
export function removeLeftovers(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const aside = asideTarget(name);
    if (aside === null) continue;
    if (aside.kind === "old") restoreSteppedAside(join(folder, aside.target));
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** Written to be put in place, or stepped aside for what is. */
type AsideKind = "tmp" | "old";

/** A name beside `path` that nothing else uses: `.model.tmp-` and the process. */
function asideName(path: string, kind: AsideKind = "tmp"): string {
  return join(dirname(path), `.${basename(path)}.${kind}-${newProcessName()}`);
}

/** Waits for every file under a folder, and for the folder itself. */
function syncFolder(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) syncFolder(path);
    else if (entry.isFile()) syncPath(path);
  }
  syncPath(folder);
}

/**
 * Puts a complete folder in place of `target`.
 *
 * A folder that is not empty cannot be renamed over in one call, so what was there steps aside first; a crash between
 * the two renames is what `restoreSteppedAside` mends.
 */
function replaceFolder(complete: string, target: string): void {
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

/** Brings back a folder that had stepped aside when a replacement was cut short. */
function restoreSteppedAside(target: string): void {
  const old = existsSync(target) ? null : steppedAside(target);
  if (old !== null) renameSync(join(dirname(target), old), target);
}

/** The name, in the same folder, of what stepped aside for `target`; null where there is none. */
export function steppedAside(target: string): string | null {
  const [parent, prefix] = [dirname(target), `.${basename(target)}.old-`];
  if (!existsSync(parent)) return null;
  return readdirSync(parent).find((name) => name.startsWith(prefix)) ?? null;
}
