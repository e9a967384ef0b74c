import { ConfigError } from "../../errors.js";
import type { PredictTestSet } from "../../experiments/glue.js";
import { presentTasks, type RunTask, type TaskEntry } from "../../experiments/task-runs.js";
import { isTextKind } from "../../kinds/kinds.js";
import type { Task } from "../../kinds/task.js";
import { whole } from "../../quantities.js";
import { type FinetuneRecipe, finetuneRecipe } from "../../recipes/finetune-recipe.js";
import { chooseRecipe } from "../../runs/choose-recipe.js";
import { evaluate } from "../../tasks/evaluate-model.js";
import { finetune } from "../../tasks/finetune.js";
import { defaultFinetuneRecipe } from "../../tasks/finetune-options.js";
import { nearest } from "../../text/nearest.js";
import type { Display } from "../display/display.js";
import { commandLine } from "../display/output.js";
import { watchRun } from "../display/run-display.js";
import type { PlaceFlags, SaveFlags } from "./options.js";
import { cadenceOf } from "./session.js";

/** The recipes of the fine-tunings of several tasks. */
export interface TaskRecipes {
  /** Of the first task; any other's differs only where it says so. */
  readonly first: FinetuneRecipe;
  /** By the task's name: all of them. */
  readonly all: Readonly<Record<string, FinetuneRecipe>>;
  /** By the task's name, of those whose recipe is not that of the first. */
  readonly others: Readonly<Record<string, FinetuneRecipe>>;
}

/** What a command was given, and the options that say so there. */
interface TaskRecipeFlags {
  recipe: string | undefined;
  set: Readonly<Record<string, unknown>> | undefined;
  options: { recipe: string; set: string };
}

/** For the record, and only where there are some. */
export function othersOf({ others }: TaskRecipes): { finetuneOf?: TaskRecipes["others"] } {
  return Object.keys(others).length === 0 ? {} : { finetuneOf: others };
}

/**
 * A recipe for each task: the one that is asked for, or by the task's kind and the model's size; changed by `set`.
 *
 * A named recipe is for texts: questions have windows, which those of texts know nothing of. A key of `set` is for all
 * tasks ("epochs") or for one ("squad.epochs"), which goes before.
 *
 * @throws ConfigError when there is no task, the recipe or a key is wrong, or one cannot apply
 */
export async function taskRecipes(
  { recipe, set = {}, options }: TaskRecipeFlags,
  { tasks, model }: { tasks: readonly TaskEntry[]; model: string },
): Promise<TaskRecipes> {
  const present = presentTasks(tasks).map(({ data }) => data.task);
  const changes = changesByTask(set, present, options.set);
  if (recipe !== undefined && !present.some(({ kind }) => isTextKind(kind))) {
    throw new ConfigError(
      `${options.recipe}: expected a task with texts, which it is for, got SQuAD alone. Leave it out.`,
    );
  }
  const all: Record<string, FinetuneRecipe> = {};
  for (const task of present) {
    const defaultName = await defaultFinetuneRecipe(task, model);
    all[task.name] = chooseRecipe(
      {
        ...(recipe !== undefined && isTextKind(task.kind) && { recipe }),
        set: merged(changes.all, changes.of[task.name] ?? {}),
        out: "",
        resume: false,
      },
      { kind: "finetune", schema: finetuneRecipe, defaultName },
    );
  }
  const [first] = Object.values(all) as [FinetuneRecipe, ...FinetuneRecipe[]];
  const same = JSON.stringify(first);
  const others = Object.fromEntries(Object.entries(all).filter(([, other]) => JSON.stringify(other) !== same));
  return { first, all, others };
}

type Changes = Record<string, unknown>;

/** Sorts "epochs" from "squad.epochs". */
function changesByTask(
  set: Readonly<Changes>,
  tasks: readonly Task[],
  option: string,
): { all: Changes; of: Record<string, Changes> } {
  const all: Changes = {};
  const of: Record<string, Changes> = Object.fromEntries(tasks.map(({ name }) => [name, {}]));
  for (const [key, value] of Object.entries(set)) {
    const [name = "", own] = key.split(/\.(.*)/, 2);
    if (own === undefined) all[key] = value;
    else ownChanges(of, name, { key, option })[own] = value;
  }
  return { all, of };
}

/** A task's own length, in steps or epochs, takes the place of the one for all. */
function merged(all: Readonly<Changes>, own: Readonly<Changes>): Changes {
  if (!("steps" in own || "epochs" in own)) return { ...all, ...own };
  const { steps: _, epochs: __, ...rest } = all;
  return { ...rest, ...own };
}

function ownChanges(
  of: Readonly<Record<string, Changes>>,
  task: string,
  { key, option }: { key: string; option: string },
): Changes {
  const own = of[task];
  const names = Object.keys(of);
  if (own === undefined) {
    const close = nearest(task, names);
    const advice = close === null ? "" : ` Did you mean ${close}?`;
    throw new ConfigError(`${option}: expected one of ${names.join(", ")} before the dot, got ${key}.${advice}`);
  }
  if (key !== `${task}.seed`) return own;
  throw new ConfigError(`${option}: expected one seed for all tasks, to pair runs by, got ${key}. Set seed.`);
}

/** Fine-tunes as often as it is asked, with each task's recipe and the seeds of the jobs. */
export function fineTuner(
  flags: PlaceFlags & SaveFlags,
  given: {
    recipeOf(task: Task): FinetuneRecipe;
    /** Where its data was read from, for the record. */
    pathOf(task: Task): string;
    skipBadRows: boolean;
    display: Display;
    signal: AbortSignal;
  },
): RunTask {
  const { recipeOf, pathOf, skipBadRows, display, signal } = given;
  return async ({ model, data, seed, out, resume }) => {
    await finetune({
      ...{ model, data, skipBadRows, out, resume, signal },
      dataPath: pathOf(data.task),
      recipe: { ...recipeOf(data.task), seed },
      command: commandLine(),
      device: flags.device,
      cadence: cadenceOf(flags),
      ...watchRun(display),
    });
  };
}

/** Has a fine-tuned model answer a test set. */
export function testPredictor(
  { device }: PlaceFlags,
  { recipeOf, display, signal }: { recipeOf(task: Task): FinetuneRecipe; display: Display; signal: AbortSignal },
): PredictTestSet {
  return async (model, { task: { data, title }, split }) => {
    const onProgress = (done: number, total: number) =>
      display.progress({
        fraction: done / total,
        parts: [{ text: `answering ${title}, ${split.replace("_", " ")}: ${whole(done)} of ${whole(total)}`, rank: 9 }],
        etaSeconds: null,
      });
    // The server wants an answer to every row: none is skipped.
    const options = {
      model,
      data,
      split,
      recipe: recipeOf(data.task),
      skipBadRows: false,
      device,
      signal,
      onProgress,
    };
    const {
      results: [result],
    } = await evaluate(options);
    return (result?.predictions ?? []).map(({ id, value }) => ({ id, value: Number(value) }));
  };
}

/** `count` seeds from the recipe's on. */
export function seedsFrom({ seed }: { seed: number }, count: number): number[] {
  return Array.from({ length: count }, (_, i) => seed + i);
}
