import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** What tells one process from every other, also from a later one that was given the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the kernel's ticks since boot; "0" where the system does not say. */
  readonly startTime: string;
  /** The kernel's id of this boot; "0" where the system does not say. */
  readonly bootId: string;
  readonly host: string;
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return identityOf(process.pid);
}

/** The process that has this pid on this machine now. */
export function identityOf(pid: number): ProcessIdentity {
  return { pid, startTime: startTimeOf(pid) ?? "0", bootId: bootId(), host: hostname() };
}

/** A name for a file of this process, never given twice: it tells whose it is, and is whole as soon as it is there. */
export function newProcessName(): string {
  const { pid, startTime, bootId, host } = ownIdentity();
  return [pid, startTime, bootId, randomBytes(6).toString("hex"), encodeURIComponent(host)].join(".");
}

/** The process that a name of `newProcessName` tells of; null for any other. */
export function parseProcessName(name: string): ProcessIdentity | null {
  const [, pid, startTime, bootId, host] = /^(\d+)\.(\d+)\.([0-9a-f-]+)\.[0-9a-f]+\.(.*)$/.exec(name) ?? [];
  if (pid === undefined || startTime === undefined || bootId === undefined || host === undefined) return null;
  return { pid: Number(pid), startTime, bootId, host: decodeURIComponent(host) };
}

/**
 * Whether that very process runs.
 *
 * "unknown" when it is another host's: from here nobody can tell.
 */
export function aliveness(identity: ProcessIdentity): "alive" | "dead" | "unknown" {
  if (identity.host !== hostname()) return "unknown";
  if (identity.bootId !== bootId()) return "dead";
  if (!isRunning(identity.pid)) return "dead";
  const startTime = startTimeOf(identity.pid);
  return startTime === null || startTime === identity.startTime ? "alive" : "dead";
}

/** Whether a process of this pid runs on this machine; a zombie does not. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as somebody else's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  const state = statFields(pid)?.[0];
  return state !== "Z" && state !== "X";
}

function startTimeOf(pid: number): string | null {
  return statFields(pid)?.[19] ?? null;
}

/** Fields 3 (state) and on of /proc/<pid>/stat, so that index 19 is field 22, the start time; null without /proc. */
function statFields(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Field 2 is the command's name in parentheses and may hold spaces and parentheses itself.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "0";
  }
}
