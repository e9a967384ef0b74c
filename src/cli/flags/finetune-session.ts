import { dirname, join, resolve } from "node:path";
import { ConfigError } from "../../errors.js";
import { readModelConfig } from "../../hub/model-loading.js";
import type { Task } from "../../kinds/task.js";
import { percent, whole } from "../../quantities.js";
import { RECIPE_FAMILIES } from "../../recipes/finetune-base.js";
import { type FinetuneRecipe, finetuneRecipe } from "../../recipes/finetune-recipe.js";
import { finetuneRecipeNamed } from "../../recipes/recipes.js";
import { parseRecipe } from "../../recipes/training-recipe.js";
import { isRun, readRecipe } from "../../runs/run.js";
import { readSources, type Sources } from "../../runs/sources.js";
import { isJsonObject } from "../../storage/json-file.js";
import type { FinetuneOptions, TaskEvaluation } from "../../tasks/finetune.js";
import { TASK_NAMES } from "../../tasks/open.js";
import type { Display } from "../display/display.js";
import { observeSteps } from "../display/run-display.js";
import { stopRequested } from "../interrupts.js";
import type { PlaceFlags, ProfileFlag, RecipeFlags, SaveFlags, TaskFlags } from "./options.js";
import { checkDevice, chooseRecipe } from "./session.js";
import { openTaskOf } from "./tasks.js";

interface SeedFlags {
  out: string;
  resume?: boolean;
  seeds?: number;
  keepModels?: boolean;
}

/** Below this hidden size, models take the larger steps of the recipes for small ones. */
const NANO_HIDDEN_SIZE = 256;

/**
 * Turns flags into a fine-tuning: finds the task, the recipe and, for a run that is resumed, what it was made from.
 *
 * @throws ConfigError when a flag is missing or cannot apply
 */
export async function finetuneSession(
  flags: TaskFlags &
    RecipeFlags &
    PlaceFlags &
    SaveFlags &
    ProfileFlag &
    SeedFlags & { model?: string; teacher?: string },
  display: Display,
): Promise<FinetuneOptions> {
  const { out, resume = false } = flags;
  checkDevice(flags.device);
  checkSeeds(flags);
  const begun = resume ? readSources(out) : null;
  if (resume && !isRun(out)) display.log(`${out}: nothing to resume: starting`);
  const model = flags.model ?? begun?.model?.path;
  if (model === undefined) throw new ConfigError("--model: expected a model folder or a Hub id, got nothing.");
  const { data, path } = await openTaskOf(begun === null ? flags : taskAsBegun(flags, begun), { needsTraining: true });
  const defaultName = await defaultRecipeName(data.task, model);
  return {
    // Of several seeds the folder is no run: the same command again.
    recipe: chooseRecipe(
      { ...flags, resume: resume && flags.seeds === undefined },
      { kind: "finetune", schema: finetuneRecipe, defaultName },
    ),
    data,
    dataPath: path,
    model,
    teacher: flags.teacher ?? begun?.teacher?.path ?? null,
    skipBadRows: flags.skipBadRows ?? false,
    out,
    resume,
    device: flags.device,
    cadence: {
      logEverySteps: flags.logEvery,
      saveEverySteps: flags.saveEvery,
      saveEveryMinutes: flags.saveEveryMinutes,
    },
    observer: {
      ...observeSteps(display),
      evaluation: (step, result) => display.log(`step ${whole(step)}: ${evaluationWords(result)}`),
    },
    profile: flags.profile,
    signal: stopRequested(),
  };
}

/** One run and several lie in folders of different kinds. */
function checkSeeds({ out, resume, seeds, keepModels }: SeedFlags): void {
  if (seeds !== undefined) return;
  if (keepModels) throw new ConfigError("--keep-models: expected --seeds with it, got none: one run has one model.");
  if (!resume || !isRun(out) || readRecipe(out).kind !== "finetune-seeds") return;
  throw new ConfigError(`--seeds: expected it again, since ${out} holds runs of several seeds, got nothing.`);
}

/** A run that is resumed without a word on its task goes on with the one it was begun with; own texts are named again. */
function taskAsBegun(flags: TaskFlags, { task, data }: Sources): TaskFlags {
  const { train, validation, text, label } = flags;
  const isNamed = [flags.task, flags.data, train, validation, text, label].some((flag) => flag !== undefined);
  if (isNamed || task === null || !TASK_NAMES.includes(task)) return flags;
  return { ...flags, task, data: data.path };
}

/** By the task's kind and the model's size. */
export async function defaultRecipeName(task: Task, model: string): Promise<string> {
  const { hiddenSize } = await readModelConfig(model);
  return `${RECIPE_FAMILIES[task.kind]}-${hiddenSize < NANO_HIDDEN_SIZE ? "nano" : "base"}`;
}

/** "accuracy 81.2 %, loss 0.412". */
export function evaluationWords({ loss, score: _, ...figures }: TaskEvaluation): string {
  const named = Object.entries(figures).map(([name, value]) => `${name} ${percent(value ?? Number.NaN)}`);
  return [...named, `loss ${loss.toFixed(3)}`].join(", ");
}

/** How a model was fine-tuned: the recipe of the run it lies in, else the default one. */
export async function evaluationRecipe(model: string, task: Task): Promise<FinetuneRecipe> {
  const run = dirname(resolve(model));
  if (isRun(run)) {
    const own = readRecipe(run);
    const recipe = own.kind === "finetune-seeds" && isJsonObject(own.recipe) ? own.recipe : own;
    if (recipe.kind === "finetune") return parseRecipe(finetuneRecipe, recipe, join(run, "recipe.json"));
  }
  return finetuneRecipeNamed(await defaultRecipeName(task, model));
}
