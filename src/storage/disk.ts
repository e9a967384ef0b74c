import { existsSync, mkdirSync, readdirSync, statfsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigError, FormatError, LimbeckError, RunError, StorageError } from "../errors.js";
import { formatBytes } from "../quantities.js";

const DISK_FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const NOT_ALLOWED = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "ENAMETOOLONG"]);

const PROC_FILE_SYSTEM = 0x9fa0; // statfs(2): PROC_SUPER_MAGIC

/** The system's error code (`ENOENT`), or "" for an error that has none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** What to say of a write that failed. */
export interface WriteErrorWords {
  /** What the whole write takes. */
  readonly neededBytes?: number | undefined;
  /** A sentence on what is safe. */
  readonly safe?: string;
  /** What to do when there is room again; default "run it again". */
  readonly next?: string;
}

/** The error to throw when writing under `path` failed, in one line. */
export function writeError(
  path: string,
  error: unknown,
  { neededBytes, safe = "", next = "run it again" }: WriteErrorWords = {},
): LimbeckError {
  if (error instanceof LimbeckError) return error;
  const code = errorCode(error);
  if (DISK_FULL.has(code)) {
    const needed = neededBytes === undefined ? "" : `expected room for ${formatBytes(neededBytes)}, got `;
    const [limit, remedy] =
      code === "EFBIG"
        ? ["a limit on the size of files", "Raise it"]
        : [`${formatBytes(freeBytes(path))} free`, "Free some space"];
    const advice = `${safe === "" ? "" : `${safe} `}${remedy}, and ${next}.`;
    return new StorageError(`${path}: no space left (${code}): ${needed}${limit}. ${advice}`, { cause: error });
  }
  if (NOT_ALLOWED.has(code)) {
    return new ConfigError(`${path}: not writable (${code}). Change its permissions or give another path.`, {
      cause: error,
    });
  }
  const words = error instanceof Error ? error.message : String(error);
  return new RunError(`${path}: writing failed: ${words}`, { cause: error });
}

/**
 * Makes a folder, and those above it, where there is none yet.
 *
 * @throws ConfigError when a file is there, or none may be made there
 */
export function makeFolder(path: string): void {
  refuseProc(path);
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw writeError(path, error);
    throw new ConfigError(`${path}: expected a new or empty folder, got a file. Give another path.`);
  }
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

/**
 * Checks, before the work, that a folder to be written is not there yet, or empty.
 *
 * @param purpose "for the tokenizer"
 * @throws FormatError when it is a file, or holds something
 */
export function refuseTaken(path: string, purpose: string): void {
  if (!existsSync(path)) return;
  const got = statSync(path).isDirectory() ? readdirSync(path)[0] : null;
  if (got === undefined) return;
  const what = got === null ? "a file" : `one that holds ${JSON.stringify(got)}`;
  throw new FormatError(
    path,
    `expected a new or an empty folder ${purpose}, got ${what}. Give another path, or move it away.`,
  );
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
