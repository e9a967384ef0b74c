import { readFileSync } from "node:fs";

/** Whether this CPU multiplies bf16 in hardware (avx512_bf16 or amx_bf16); asked without the engine. */
export function cpuHasBfloat16(): boolean {
  return /\b(avx512_bf16|amx_bf16)\b/.test(readOrEmpty("/proc/cpuinfo"));
}

/** A file of the system's, or nothing where there is none. */
export function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // Not Linux.
  }
}
