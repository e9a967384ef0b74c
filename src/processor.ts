import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { ConfigError } from "./errors.js";

/** The processor that something was timed on. */
interface Cpu {
  readonly model: string;
  /** That this process may use. */
  readonly cores: number;
  /** The vector instructions that matter to matrix products. */
  readonly instructionSets: readonly string[];
  /** Processes that wanted to run, over the last minute; 0 where nobody says. */
  readonly loadAverage: number;
}

/** Flags of /proc/cpuinfo, and what people call them. */
const SETS: readonly (readonly [flag: string, name: string])[] = [
  ["avx2", "AVX2"],
  ["avx512f", "AVX-512"],
  ["avx512_vnni", "AVX-512 VNNI"],
  ["avx512_bf16", "AVX-512 BF16"],
  ["amx_int8", "AMX INT8"],
  ["amx_bf16", "AMX BF16"],
  ["asimd", "NEON"],
  ["sve", "SVE"],
];

export function readCpu(): Cpu {
  return {
    model: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    instructionSets: instructionSetsIn(readOrEmpty("/proc/cpuinfo")),
    loadAverage: loadavg()[0] ?? 0,
  };
}

/** @param text /proc/cpuinfo: "flags" on x86, "Features" on ARM */
export function instructionSetsIn(text: string): string[] {
  const flags = new Set((/^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1] ?? "").split(/\s+/));
  return SETS.flatMap(([flag, name]) => (flags.has(flag) ? [name] : []));
}

/** Which arithmetic runs, each level with what those before it have: native/kernels.h says what. */
export const kernelLevels = ["composed", "avx2", "avx512", "avx512-bf16", "amx"] as const;
export type Kernels = (typeof kernelLevels)[number];

/**
 * The level that LIMBECK_KERNELS lowers the engine to, or null.
 *
 * @throws ConfigError when it names none
 */
export function wantedKernels(): Kernels | null {
  const wanted = process.env.LIMBECK_KERNELS;
  if (!wanted) return null;
  const found = kernelLevels.find((level) => level === wanted);
  if (found !== undefined) return found;
  throw new ConfigError(`LIMBECK_KERNELS: expected one of ${kernelLevels.join(", ")}, got ${wanted}.`);
}

/** Whether this CPU multiplies bf16 in hardware (avx512_bf16 or amx_bf16), and may; asked without the engine. */
export function cpuHasBfloat16(): boolean {
  const wanted = wantedKernels();
  const may = wanted === null || kernelLevels.indexOf(wanted) >= kernelLevels.indexOf("avx512-bf16");
  return may && /\b(avx512_bf16|amx_bf16)\b/.test(readOrEmpty("/proc/cpuinfo"));
}

/**
 * Cores this process may use: two threads of one core count once, and so do cores beyond a container's share.
 *
 * Matrix products fill a core's units with one thread; a second only takes its caches.
 */
export function physicalCores(): number {
  const logical = availableParallelism();
  const allowed = parseCpuList(/^Cpus_allowed_list:\s*(\S+)/m.exec(readOrEmpty("/proc/self/status"))?.[1] ?? "");
  const siblings = allowed.map((cpu) =>
    readOrEmpty(`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`).trim(),
  );
  if (siblings.length === 0 || siblings.includes("")) return logical;
  return Math.max(1, Math.min(logical, new Set(siblings).size, cpuQuota()));
}

/** Says how many threads the engine is to use: it reads this when it is opened. Without a wish, the environment's stand. */
export function useThreads(threads: number | undefined): void {
  if (threads !== undefined) process.env.LIMBECK_THREADS = String(threads);
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
  const [quota, period] = readOrEmpty("/sys/fs/cgroup/cpu.max").split(" ").map(Number);
  return quota && period ? Math.ceil(quota / period) : Number.POSITIVE_INFINITY;
}

/** A file of the system's, or nothing where there is none. */
export function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // Not Linux, or not shown to us.
  }
}
