// What processes hold, as Linux tells.
import { readdirSync, readFileSync } from "node:fs";

/** The most memory that a living process has held at once since it started, in bytes. */
export function peakBytes(pid) {
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (peak === undefined) throw new Error(`process ${pid} has no VmHWM in /proc: has it ended?`);
  return Number(peak) * 1024;
}

/** The same of all that a process has started, each one's own peak added up: what they share counts for each. */
export function descendantsPeakBytes(pid) {
  return descendants(pid).reduce((sum, each) => sum + peakOrNothing(each), 0);
}

function descendants(pid) {
  const threads = namesIn(`/proc/${pid}/task`);
  const children = threads.flatMap((thread) => wordsIn(`/proc/${pid}/task/${thread}/children`));
  return children.flatMap((child) => [child, ...descendants(child)]);
}

// A process may end while its family is looked at.
function peakOrNothing(pid) {
  return orElse(0, () => peakBytes(pid));
}

function namesIn(folder) {
  return orElse([], () => readdirSync(folder));
}

function wordsIn(file) {
  return orElse("", () => readFileSync(file, "utf8"))
    .split(" ")
    .filter((word) => word !== "");
}

function orElse(fallback, body) {
  try {
    return body();
  } catch {
    return fallback;
  }
}
