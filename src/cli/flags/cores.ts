import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/**
 * Cores this process may use: two threads of one core count once, and so do cores beyond a container's share.
 *
 * Matrix products fill a core's units with one thread; a second only takes its caches.
 */
export function physicalCores(): number {
  const logical = availableParallelism();
  const allowed = parseCpuList(/^Cpus_allowed_list:\s*(\S+)/m.exec(read("/proc/self/status"))?.[1] ?? "");
  const siblings = allowed.map((cpu) => read(`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`).trim());
  if (siblings.length === 0 || siblings.includes("")) return logical;
  return Math.max(1, Math.min(logical, new Set(siblings).size, cpuQuota()));
}

/**
 * Says how many threads the engine is to use. It reads this when it is loaded, so it comes before any import of it.
 *
 * @param threads the user's wish; without one the environment's stands, and else the number of cores
 */
export function useThreads(threads: number | undefined): void {
  const isSet = process.env.LIMBECK_THREADS || process.env.OMP_NUM_THREADS;
  if (threads !== undefined) process.env.LIMBECK_THREADS = String(threads);
  else if (!isSet) process.env.LIMBECK_THREADS = String(physicalCores());
}

/** "0-2,5" → [0, 1, 2, 5]. */
function parseCpuList(list: string): number[] {
  return list.split(",").flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number);
    if (first === undefined || last === undefined || range === "") return [];
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** What a cgroup grants, in cores; infinity where it grants all. */
function cpuQuota(): number {
  const [quota, period] = read("/sys/fs/cgroup/cpu.max").split(" ").map(Number);
  return quota && period ? Math.ceil(quota / period) : Number.POSITIVE_INFINITY;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // Not Linux, or not shown to us.
  }
}
