import { ConfigError } from "../../errors.js";
import { cpuHasBfloat16, type Kernels, kernelLevels, readOrEmpty } from "../../processor.js";
import { engineRecord, native } from "../native.js";

export interface EngineInfo {
  /** "wheel", "cuda" or "custom" */
  engine: string;
  addon: string;
  torchVersion: string;
  /** The instruction set libtorch's kernels use: "AVX512", "AVX2", "NO AVX", … */
  cpuCapability: string;
  /** Which of this addon's kernels run. */
  kernels: Kernels;
  threads: number;
  /** Whether this CPU multiplies bf16 in hardware (avx512_bf16 or amx_bf16). */
  cpuHasBfloat16: boolean;
  cudaDevices: number;
  /** Every libtorch and libc10 mapped into this process; more than one libc10 means two engines at once. */
  mappedLibraries: string[];
}

export function engineInfo(): EngineInfo {
  const { engine, addon } = engineRecord();
  return {
    engine,
    addon,
    torchVersion: native.torchVersion(),
    cpuCapability: /CPU capability usage: (.+)/.exec(native.torchConfig())?.[1]?.trim() ?? "unknown",
    kernels: kernels(),
    threads: native.threads(),
    cpuHasBfloat16: cpuHasBfloat16(),
    cudaDevices: native.cudaDevices(),
    mappedLibraries: mappedLibraries(),
  };
}

/** Which kernels run: what processor, operating system and oneDNN have, lowered by LIMBECK_KERNELS. */
export function kernels(): Kernels {
  return native.kernels() as Kernels;
}

/** Every level that this machine has, lowest first. */
export function machineKernels(): Kernels[] {
  return kernelLevels.slice(0, kernelLevels.indexOf(native.machineKernels() as Kernels) + 1);
}

export function setThreads(threads: number): void {
  native.setThreads(threads);
}

/** @throws ConfigError when the engine has no such device */
export function checkDevice(device: string): void {
  if (device === "cpu") return;
  if (!/^cuda(:\d+)?$/.test(device)) throw new ConfigError(`device: expected cpu, cuda or cuda:N, got ${device}.`);
  const devices = engineInfo().cudaDevices;
  if (Number(device.slice("cuda:".length) || 0) < devices) return;
  throw new ConfigError(
    `device: expected one that is there, got ${device}, and the engine finds ${devices} CUDA devices. Use cpu, or see "limbeck doctor".`,
  );
}

function mappedLibraries(): string[] {
  const paths = readOrEmpty("/proc/self/maps").match(/\/\S*lib(?:torch_cpu|torch_cuda|c10)[^/\s]*\.so\S*/g) ?? [];
  return [...new Set(paths)];
}
