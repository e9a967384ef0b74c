import { join } from "node:path";
import type { z } from "zod";
import { engineInfo } from "../../engine/tensor/device.js";
import { ConfigError } from "../../errors.js";
import { recipes } from "../../recipes/recipes.js";
import { type OptimizerRecipe, parseRecipe, type TrainingRecipe } from "../../recipes/training-recipe.js";
import { isRun, readRecipe } from "../../runs/run.js";
import { readSources } from "../../runs/sources.js";
import { readJsonObject } from "../../storage/json-file.js";
import { nearest } from "../../text/nearest.js";
import type { SessionOptions } from "../../training/loop/session.js";
import type { Display } from "../display/display.js";
import { observeRun } from "../display/run-display.js";
import { stopRequested } from "../interrupts.js";
import type { RunFlags } from "./options.js";

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

/**
 * The recipe a command line asks for: the named one, or the run's own when it is resumed, or the default; changed by
 * --set.
 *
 * @throws ConfigError when there is none of that name, a key is unknown, or a value is not allowed
 */
export function chooseRecipe<T extends OptimizerRecipe & { kind: string }>(
  { recipe, set = {}, resume = false, out }: Pick<RunFlags, "recipe" | "set" | "resume" | "out">,
  options: { kind: T["kind"]; schema: z.ZodObject & z.ZodType<T>; defaultName: string },
): T {
  const keys = Object.keys(options.schema.shape);
  for (const key of Object.keys(set)) checkKey(key, keys);
  const isResumed = resume && recipe === undefined && isRun(out);
  const { base, where } = isResumed
    ? { base: readRecipe(out), where: join(out, "recipe.json") }
    : namedRecipe(recipe ?? options.defaultName, options.kind);
  if (typeof base.kind === "string" && base.kind !== options.kind) {
    throw new ConfigError(
      `${where}: expected a recipe to ${options.kind}, got one to ${base.kind}. Use "limbeck ${base.kind}".`,
    );
  }
  return parseRecipe(options.schema, { ...base, ...oneLength(set) }, where);
}

function namedRecipe(name: string, kind: string): { base: Readonly<Record<string, unknown>>; where: string } {
  if (/[./\\]/.test(name)) return { base: readJsonObject(name, "a recipe"), where: name };
  const base = recipes[name];
  if (base !== undefined) return { base: { ...base }, where: `recipe ${name}` };
  const known = Object.keys(recipes).filter((other) => recipes[other]?.kind === kind);
  throw new ConfigError(`--recipe: expected ${known.join(", ")}, or a .json file; got ${name}. See "limbeck recipes".`);
}

function checkKey(key: string, known: readonly string[]): void {
  if (known.includes(key)) return;
  const close = nearest(key, known);
  const advice = close === null ? 'See "limbeck recipes NAME" for the keys.' : `Did you mean ${close}?`;
  throw new ConfigError(`--set: expected a key of the recipe, got ${JSON.stringify(key)}. ${advice}`);
}

/** A run's length is given in steps or in epochs: setting one takes the other back. */
function oneLength(set: Readonly<Record<string, unknown>>): Record<string, unknown> {
  if ("steps" in set && !("epochs" in set)) return { ...set, epochs: null };
  if ("epochs" in set && !("steps" in set)) return { ...set, steps: null };
  return { ...set };
}
