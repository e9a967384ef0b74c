import { dirname, join, resolve } from "node:path";
import { ConfigError } from "../errors.js";
import { readEncoderConfig } from "../hub/model-loading.js";
import type { Task, TaskData } from "../kinds/task.js";
import type { Cadence } from "../recipes/cadence.js";
import { RECIPE_FAMILIES } from "../recipes/finetune-base.js";
import { type FinetuneRecipe, finetuneRecipe } from "../recipes/finetune-recipe.js";
import { finetuneRecipeNamed } from "../recipes/recipes.js";
import { parseRecipe } from "../recipes/training-recipe.js";
import { chooseRecipe, type RecipeChoice } from "../runs/choose-recipe.js";
import { isRun, readRecipe } from "../runs/run.js";
import { readSources, type Sources } from "../runs/sources.js";
import { isJsonObject } from "../storage/json-file.js";
import type { Evaluation } from "../training/loop/loop.js";
import { type Session, type SessionOptions, sessionOf } from "../training/loop/session.js";
import { TASK_NAMES } from "./open.js";
import { openTaskFrom, type TaskSource } from "./task-source.js";

/** One evaluation while it trains: the loss, the score, and each figure by its name. */
export type TaskEvaluation = Evaluation & { readonly score: number };

export interface FinetuneOptions
  extends Omit<SessionOptions<TaskEvaluation>, "cadence">,
    RecipeChoice<FinetuneRecipe>,
    TaskSource {
  /** When it logs and saves; the recipe says how often it evaluates. Default: logs every 10 steps, saves every 500 and every 10 minutes. */
  cadence?: Partial<Omit<Cadence, "evaluateEverySteps" | "evaluatesUntrained">> | undefined;
  /** The model to start from: a folder or a Hub id. Default: of a resumed run its own. */
  model?: string | undefined;
  /** A model fine-tuned on the task, to learn from too. Default: of a resumed run its own, else the labels alone. */
  teacher?: string | null | undefined;
  /** Leaves rows out that cannot be used, and counts them, instead of stopping at the first. Default: no. */
  skipBadRows?: boolean | undefined;
  /** The command line, for the report. Default: null, since a program asks. */
  command?: string | null | undefined;
}

/** A fine-tuning with nothing left open. */
export interface Finetuning extends Session<TaskEvaluation> {
  readonly recipe: FinetuneRecipe;
  readonly data: TaskData;
  /** Where the data was read from, for the record. */
  readonly dataPath: string;
  readonly model: string;
  readonly teacher: string | null;
  readonly skipBadRows: boolean;
  readonly command: string | null;
}

/** Below this hidden size, models take the larger steps of the recipes for small ones. */
const NANO_HIDDEN_SIZE = 256;

/**
 * Fills in what was left open: from the run where it is resumed, else the recipe for the task's kind and the model's size.
 *
 * @throws ConfigError when something is missing or does not go together
 */
export async function finetuningOf(options: FinetuneOptions): Promise<Finetuning> {
  const session = sessionOf(options);
  const begun = session.resume ? readSources(session.out) : null;
  const model = options.model ?? begun?.model?.path;
  if (model === undefined) throw new ConfigError("model: expected a model folder or a Hub id, got nothing.");
  const source = begun === null ? options : sourceAsBegun(options, begun);
  const { data, path } = await openTaskFrom(source, { needsTraining: true });
  const defaultName = await defaultFinetuneRecipe(data.task, model);
  return {
    ...session,
    recipe: chooseRecipe(options, { kind: "finetune", schema: finetuneRecipe, defaultName }),
    data,
    dataPath: path,
    model,
    teacher: options.teacher ?? begun?.teacher?.path ?? null,
    skipBadRows: options.skipBadRows ?? false,
    command: options.command ?? null,
  };
}

/** A run that is resumed without a word on its task goes on with the one it was begun with; own texts are named again. */
function sourceAsBegun(source: TaskSource, { task, data }: Sources): TaskSource {
  const { train, validation, text, label } = source;
  const isNamed = [source.task, source.data, train, validation, text, label].some((given) => given !== undefined);
  if (isNamed || task === null || !TASK_NAMES.includes(task)) return source;
  return { task, data: data.path };
}

/** The name of the recipe for a task's kind and a model's size. */
export async function defaultFinetuneRecipe(task: Task, model: string): Promise<string> {
  const { hiddenSize } = await readEncoderConfig(model);
  return `${RECIPE_FAMILIES[task.kind]}-${hiddenSize < NANO_HIDDEN_SIZE ? "nano" : "base"}`;
}

/** How a model was fine-tuned: the recipe of the run it lies in, else the default one. */
export async function recipeOfModel(model: string, task: Task): Promise<FinetuneRecipe> {
  const run = dirname(resolve(model));
  if (isRun(run)) {
    const own = readRecipe(run);
    const recipe = own.kind === "finetune-seeds" && isJsonObject(own.recipe) ? own.recipe : own;
    if (recipe.kind === "finetune") return parseRecipe(finetuneRecipe, recipe, join(run, "recipe.json"));
  }
  return finetuneRecipeNamed(await defaultFinetuneRecipe(task, model));
}
