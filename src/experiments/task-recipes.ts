import { ConfigError } from "../errors.js";
import { isTextKind } from "../kinds/kinds.js";
import type { Task } from "../kinds/task.js";
import { type FinetuneRecipe, finetuneRecipe } from "../recipes/finetune-recipe.js";
import { chooseRecipe } from "../runs/choose-recipe.js";
import { defaultFinetuneRecipe } from "../tasks/finetune-options.js";
import { suggestion } from "../text/nearest.js";
import { presentTasks, type TaskEntry } from "./task-runs.js";

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
    const advice = suggestion(task, names);
    throw new ConfigError(`${option}: expected one of ${names.join(", ")} before the dot, got ${key}.${advice}`);
  }
  if (key !== `${task}.seed`) return own;
  throw new ConfigError(`${option}: expected one seed for all tasks, to pair runs by, got ${key}. Set seed.`);
}
