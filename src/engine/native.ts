import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { ConfigError, LifetimeError, NativeError } from "../errors.js";
import { physicalCores } from "../processor.js";
import type { Bindings } from "./native.gen.js";

/** What set-up found and built: build/engine.json, or build/<LIMBECK_ENGINE>/engine.json where that is set. */
export interface EngineRecord {
  /** "wheel", "cuda", or "custom" for LIBTORCH and LIBTORCH_USE_PYTORCH. */
  engine: string;
  version: string;
  addon: string;
}

interface Addon extends Bindings {
  signatures: Record<string, string>;
  setErrorClasses(native: typeof NativeError, lifetime: typeof LifetimeError): void;
}

function readEngineRecord(): EngineRecord {
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

function load(): { addon: Addon; record: EngineRecord } {
  const record = readEngineRecord();
  setThreadEnvironment();
  try {
    const addon = createRequire(import.meta.url)(record.addon) as Addon;
    addon.setErrorClasses(NativeError, LifetimeError);
    return { addon, record };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new ConfigError(`${record.addon}: the engine does not load (${reason}). Run "npm run setup" again.`, {
      cause,
    });
  }
}

const loaded = load();

/** The addon's functions. Only src/engine/tensor imports this. */
export const native: Bindings = loaded.addon;
export const engineRecord: EngineRecord = loaded.record;
