import { existsSync } from "node:fs";
import { arch, release } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { engineInfo } from "../engine/tensor/device.js";
import { readCpu } from "../processor.js";
import { replaceText } from "../storage/atomic-files.js";
import { formatJson, readJsonFile } from "../storage/json-file.js";
import { packageVersion } from "../version.js";
import type { Run } from "./run.js";

const ENVIRONMENT_FILE = "environment.json";

const environmentSchema = z.strictObject({
  limbeck: z.string(),
  node: z.string(),
  libtorch: z.string(),
  /** The processor's name. */
  cpu: z.string(),
  /** The level of kernels in force. */
  kernels: z.string(),
  threads: z.number().int().positive(),
  /** "cpu", "cuda:0", … */
  device: z.string(),
  /** Operating system, its version, and the processor's architecture. */
  platform: z.string(),
});

/** What of this machine a run's bits depend on: environment.json in its directory, of the process that trained it last. */
export type Environment = z.infer<typeof environmentSchema>;

/**
 * Notes what a run is trained with, and warns in one line where that is not what it was trained with before.
 *
 * @throws FormatError when environment.json is damaged
 */
export function keepEnvironment(run: Run, device: string): void {
  const path = join(run.directory, ENVIRONMENT_FILE);
  const now = environmentOf(device);
  const before = existsSync(path)
    ? readJsonFile(path, environmentSchema, { what: "a run's environment", remedy: "Delete it, and resume again." })
    : now;
  const changes = (Object.keys(now) as (keyof Environment)[])
    .filter((name) => now[name] !== before[name])
    .map((name) => `${name} ${before[name]}, now ${now[name]}`);
  if (changes.length > 0)
    run.warn(`${run.directory}: resumed where the last bits may come out differently: ${changes.join("; ")}.`);
  replaceText(path, formatJson(now));
}

function environmentOf(device: string): Environment {
  const { torchVersion, kernels, threads } = engineInfo();
  return {
    limbeck: packageVersion(),
    node: process.versions.node,
    libtorch: torchVersion,
    cpu: readCpu().model,
    kernels,
    threads,
    device,
    platform: `${process.platform} ${release()} ${arch()}`,
  };
}
