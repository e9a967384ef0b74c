import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../errors.js";
import { OutputFile } from "./atomic-files.js";
import { makeFolder } from "./disk.js";
import { aliveness, newProcessName, type ProcessIdentity, parseProcessName } from "./processes.js";

const PREFIX = ".lock.";
const ATTEMPTS = 5;

/** Whether a name in a directory is a lock's. */
export function isLockName(name: string): boolean {
  return lockOwner(name) !== null;
}

/**
 * Makes a directory where there is none, and takes it for this process alone.
 *
 * @param check throws when what the directory holds is not to be touched
 * @throws ConfigError when it cannot be made, or naming the process that has it
 */
export function takeDirectory(directory: string, check: () => void): DirectoryLock {
  makeFolder(directory);
  check();
  const lock = lockDirectory(directory);
  try {
    check(); // Again, now that nobody else can write: two may have seen an empty directory.
    return lock;
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * Takes a directory for this process alone, until `release`.
 *
 * Every process announces itself under a name of its own, then looks for others that live: of two, the one that announced
 * itself later sees the earlier and steps back. Since no name is ever used twice, removing a dead process's lock can never
 * remove a living one's. All a lock says is in its name, so that none is ever seen half written.
 *
 * @throws ConfigError naming the process that has it
 */
export function lockDirectory(directory: string): DirectoryLock {
  for (let attempt = 1; ; attempt += 1) {
    const path = join(directory, PREFIX + newProcessName());
    new OutputFile(path, { flag: "wx" }).close();
    const rival = findRival(directory, path);
    if (rival === null) return new DirectoryLock(path);
    rmSync(path, { force: true });
    if (attempt === ATTEMPTS) throw inUse(directory, rival);
    // Two that start at once may both step back; unequal pauses let one of them win.
    sleepMs(1 + Math.random() * 10 * attempt);
  }
}

/** A directory taken for this process. */
export class DirectoryLock implements Disposable {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  release(): void {
    rmSync(this.#path, { force: true });
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

interface Rival {
  readonly name: string;
  readonly identity: ProcessIdentity;
}

/** A lock of another owner that lives or may live; locks of the dead are removed. */
function findRival(directory: string, own: string): Rival | null {
  let rival: Rival | null = null;
  for (const name of readdirSync(directory)) {
    const identity = lockOwner(name);
    if (identity === null || join(directory, name) === own) continue;
    if (aliveness(identity) === "dead") rmSync(join(directory, name), { force: true });
    else rival = { name, identity };
  }
  return rival;
}

function inUse(directory: string, { name, identity }: Rival): ConfigError {
  const { pid, host } = identity;
  const elsewhere = aliveness(identity) === "unknown";
  const advice = elsewhere ? `if that machine has stopped, delete ${name}` : "wait for it, or stop it";
  const who = elsewhere ? `process ${pid} on ${host}` : pid === process.pid ? "this process" : `process ${pid}`;
  return new ConfigError(`${directory}: expected a directory nobody uses, got one in use by ${who}: ${advice}.`);
}

function lockOwner(name: string): ProcessIdentity | null {
  return name.startsWith(PREFIX) ? parseProcessName(name.slice(PREFIX.length)) : null;
}

function sleepMs(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
