import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { ConfigError, LifetimeError, NativeError } from "../errors.js";
import { type Kernels, kernelLevels, physicalCores, wantedKernels } from "../processor.js";
import type { Bindings } from "./native.gen.js";

/** What set-up found and built: build/engine.json, or build/<LIMBECK_ENGINE>/engine.json where that is set. */
interface EngineRecord {
  /** "wheel", "cuda", or "custom" for LIBTORCH and LIBTORCH_USE_PYTORCH. */
  engine: string;
  version: string;
  addon: string;
}

interface Addon extends Bindings {
  signatures: Record<string, string>;
  setErrorClasses(native: typeof NativeError, lifetime: typeof LifetimeError): void;
}

/** @throws ConfigError when nothing is built */
export function engineRecord(): EngineRecord {
  const chosen = process.env.LIMBECK_ENGINE;
  const file = fileURLToPath(
    new URL(chosen ? `../../build/${chosen}/engine.json` : "../../build/engine.json", import.meta.url),
  );
  if (!existsSync(file)) {
    throw new ConfigError(
      `${file}: the engine is not built. Run "npm run setup"${chosen ? ` with LIMBECK_ENGINE=${chosen}` : ""}.`,
    );
  }
  return JSON.parse(readFileSync(file, "utf8")) as EngineRecord;
}

/** OpenMP reads these once, when it is loaded; what the user set stands, and else a thread for each core. */
function setThreadEnvironment(): void {
  const { LIMBECK_THREADS, OMP_NUM_THREADS } = process.env;
  process.env.OMP_NUM_THREADS = LIMBECK_THREADS || OMP_NUM_THREADS || String(physicalCores());
  // Threads that spin while they wait take the cores from whoever would end the wait: OpenBLAS's own threads, or another
  // process. With other work on two cores, steps were 40 times slower so.
  process.env.OMP_WAIT_POLICY ??= "passive";
}

/** What libtorch's own libraries are told, so that they use no more than our kernels; what the user set stands. */
const LOWERED: Record<Kernels, Record<string, string>> = {
  composed: { ATEN_CPU_CAPABILITY: "default", ONEDNN_MAX_CPU_ISA: "SSE41", MKL_ENABLE_INSTRUCTIONS: "SSE4_2" },
  avx2: { ATEN_CPU_CAPABILITY: "avx2", ONEDNN_MAX_CPU_ISA: "AVX2", MKL_ENABLE_INSTRUCTIONS: "AVX2" },
  avx512: { ATEN_CPU_CAPABILITY: "avx512", ONEDNN_MAX_CPU_ISA: "AVX512_CORE", MKL_ENABLE_INSTRUCTIONS: "AVX512" },
  "avx512-bf16": { ONEDNN_MAX_CPU_ISA: "AVX512_CORE_BF16", MKL_ENABLE_INSTRUCTIONS: "AVX512_E3" },
  amx: {},
};

/** They read these once, when they are loaded. */
function setKernelEnvironment(wanted: Kernels | null): void {
  for (const [name, value] of Object.entries(LOWERED[wanted ?? "amx"])) process.env[name] ??= value;
}

function refuseMissingKernels(wanted: Kernels | null, addon: Addon): void {
  const has = addon.machineKernels() as Kernels;
  if (wanted === null || kernelLevels.indexOf(wanted) <= kernelLevels.indexOf(has)) return;
  throw new ConfigError(`LIMBECK_KERNELS: expected at most ${has}, which this machine has, got ${wanted}.`);
}

function load({ addon: path }: EngineRecord): Addon {
  const wanted = wantedKernels();
  setThreadEnvironment();
  setKernelEnvironment(wanted);
  let addon: Addon;
  try {
    addon = createRequire(import.meta.url)(path) as Addon;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new ConfigError(`${path}: the engine does not load (${reason}). Run "npm run setup" again.`, { cause });
  }
  addon.setErrorClasses(NativeError, LifetimeError);
  refuseMissingKernels(wanted, addon);
  return addon;
}

/**
 * The addon's functions. Only src/engine/tensor imports this.
 *
 * The engine is opened when the first of them is looked up, not on import: only then are threads and kernels chosen, is memory
 * libtorch's and ours to keep, and does the process end at once when it exits. From then on this is the addon itself.
 */
export let native: Bindings = new Proxy({} as Bindings, {
  get: (_, name) => {
    native = load(engineRecord());
    return native[name as keyof Bindings];
  },
});
