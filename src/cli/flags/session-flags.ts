import type { z } from "zod";
import { engineInfo } from "../../engine/tensor/device.js";
import { ConfigError } from "../../errors.js";
import type { TrainingRecipe } from "../../recipes/training-recipe.js";
import { isRun } from "../../runs/run.js";
import { readSources } from "../../runs/sources.js";
import type { SessionOptions } from "../../training/loop/session.js";
import type { Display } from "../display/display.js";
import { observeRun } from "../display/run-display.js";
import { stopRequested } from "../interrupts.js";
import { chooseRecipe } from "./choose-recipe.js";
import type { RunFlags } from "./run-flags.js";

/** What `pretrain` and `distill` are called with, but for the teacher. */
interface Session<T> extends SessionOptions {
  recipe: T;
  data: string;
  heldOutSequences: number;
}

/**
 * Turns flags into a session: finds the recipe and, for a run that is resumed, what it was made from.
 *
 * @param options.teacher the one that is given, or what to take without; null where there is none
 * @throws ConfigError when a flag is missing or cannot apply
 */
export function openSession<T extends TrainingRecipe & { kind: "pretrain" | "distill" }>(
  flags: RunFlags,
  options: {
    display: Display;
    recipe: { kind: T["kind"]; schema: z.ZodObject & z.ZodType<T>; defaultName: string };
    teacher: { given: string | undefined; otherwise: string } | null;
  },
): Session<T> & { teacher: string } {
  const { out, resume = false, heldOutSequences } = flags;
  checkDevice(flags.device);
  const recipe = chooseRecipe(flags, options.recipe);
  const begun = resume ? readSources(out) : null;
  if (resume && !isRun(out)) options.display.log(`${out}: nothing to resume: starting`);
  const data = flags.data ?? begun?.data.path;
  if (data === undefined) {
    throw new ConfigError('--data: expected a dataset that "limbeck prepare" wrote, got nothing. Give its folder.');
  }
  const teacher = options.teacher && (options.teacher.given ?? begun?.teacher?.path ?? options.teacher.otherwise);
  return {
    recipe,
    data,
    teacher: teacher ?? "",
    out,
    resume,
    heldOutSequences,
    device: flags.device,
    cadence: {
      logEverySteps: flags.logEvery,
      evaluateEverySteps: flags.evaluateEvery,
      saveEverySteps: flags.saveEvery,
      saveEveryMinutes: flags.saveEveryMinutes,
    },
    observer: observeRun(options.display),
    profile: flags.profile,
    signal: stopRequested(),
  };
}

/** @throws ConfigError when the engine has no such device */
export function checkDevice(device: string): void {
  if (device === "cpu") return;
  if (!/^cuda(:\d+)?$/.test(device)) throw new ConfigError(`--device: expected cpu, cuda or cuda:N, got ${device}.`);
  const devices = engineInfo().cudaDevices;
  if (Number(device.slice("cuda:".length) || 0) < devices) return;
  throw new ConfigError(
    `--device: expected one that is there, got ${device}, and the engine finds ${devices} CUDA devices. Use --device cpu, or see "limbeck doctor".`,
  );
}
