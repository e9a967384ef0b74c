import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";

/** The processor that something was timed on. */
export interface Cpu {
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
    instructionSets: instructionSetsIn(cpuinfo()),
    loadAverage: loadavg()[0] ?? 0,
  };
}

/** @param text /proc/cpuinfo: "flags" on x86, "Features" on ARM */
export function instructionSetsIn(text: string): string[] {
  const flags = new Set((/^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1] ?? "").split(/\s+/));
  return SETS.flatMap(([flag, name]) => (flags.has(flag) ? [name] : []));
}

function cpuinfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return ""; // Not Linux.
  }
}
