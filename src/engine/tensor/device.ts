import { cpuHasBfloat16, readOrEmpty } from "../../processor.js";
import { engineRecord, native } from "../native.js";

export interface EngineInfo {
  /** "wheel", "cuda" or "custom" */
  engine: string;
  addon: string;
  torchVersion: string;
  /** The instruction set libtorch's kernels use: "AVX512", "AVX2", "NO AVX", … */
  cpuCapability: string;
  threads: number;
  /** Whether this CPU multiplies bf16 in hardware (avx512_bf16 or amx_bf16). */
  cpuHasBfloat16: boolean;
  cudaDevices: number;
  /** Every libtorch and libc10 mapped into this process; more than one libc10 means two engines at once. */
  mappedLibraries: string[];
}

export function engineInfo(): EngineInfo {
  return {
    engine: engineRecord.engine,
    addon: engineRecord.addon,
    torchVersion: native.torchVersion(),
    cpuCapability: /CPU capability usage: (.+)/.exec(native.torchConfig())?.[1]?.trim() ?? "unknown",
    threads: native.threads(),
    cpuHasBfloat16: cpuHasBfloat16(),
    cudaDevices: native.cudaDevices(),
    mappedLibraries: mappedLibraries(),
  };
}

export function setThreads(threads: number): void {
  native.setThreads(threads);
}

function mappedLibraries(): string[] {
  const paths = readOrEmpty("/proc/self/maps").match(/\/\S*lib(?:torch_cpu|torch_cuda|c10)[^/\s]*\.so\S*/g) ?? [];
  return [...new Set(paths)];
}
