import { existsSync } from "node:fs";
import { ConfigError, FormatError } from "../errors.js";
import type { TaskData } from "../kinds/task.js";
import { suggestion } from "../text/nearest.js";
import { openSquad } from "./questions/squad.js";
import { plainName, splitFiles } from "./split-files.js";
import { GLUE_TASKS, type GlueTask } from "./texts/glue-layouts.js";
import { openImdb } from "./texts/imdb.js";
import { openTextTask, textTaskFolder } from "./texts/text-folder.js";

const OPENERS: Readonly<Record<string, (folder: string) => TaskData>> = {
  ...Object.fromEntries(GLUE_TASKS.map((layout) => [layout.task.name, (folder) => openTextTask(layout, folder)])),
  imdb: openImdb,
  squad: (folder) => openSquad("1.1", folder),
  "squad-v2": (folder) => openSquad("2.0", folder),
};

/** The names of published tasks, as the command line says them. */
export const TASK_NAMES: readonly string[] = Object.keys(OPENERS);

/** GLUE as a folder holds it. */
export interface GlueFolder {
  /** In the paper's order. */
  readonly found: readonly TaskData[];
  readonly missing: readonly MissingTask[];
}

/** A task of GLUE that cannot be trained and evaluated, and why. */
export interface MissingTask {
  readonly name: string;
  readonly title: string;
  /** "no folder", or the files that its folder lacks: "no train.tsv". */
  readonly reason: string;
}

/**
 * A published task by name; case, hyphens and underscores do not matter: "SST-2" is "sst2".
 *
 * @param folder the task's own, or one that holds it: glue/ for glue/SST-2/
 * @throws ConfigError for a name nobody knows
 * @throws FormatError when the folder does not hold the task
 */
export function openTask(name: string, folder: string): TaskData {
  const open = OPENERS[TASK_NAMES.find((known) => plainName(known) === plainName(name)) ?? ""];
  if (open === undefined) {
    const advice = suggestion(name, TASK_NAMES);
    throw new ConfigError(`--task: expected ${TASK_NAMES.join(", ")}; got ${JSON.stringify(name)}.${advice}`);
  }
  checkFolder(folder);
  return open(folder);
}

/**
 * The GLUE tasks in a folder of tasks that have what fine-tuning needs: a training set, and all that is evaluated.
 *
 * @throws FormatError when there is no such folder
 */
export function findGlueTasks(folder: string): GlueFolder {
  checkFolder(folder);
  const found: TaskData[] = [];
  const missing: MissingTask[] = [];
  for (const layout of GLUE_TASKS) {
    const reason = whatLacks(layout, folder);
    if (reason === null) found.push(openTextTask(layout, folder));
    else missing.push({ name: layout.task.name, title: layout.task.title, reason });
  }
  return { found, missing };
}

/** What keeps a task from being trained and evaluated, or null. */
function whatLacks(layout: GlueTask, folder: string): string | null {
  const own = textTaskFolder(layout, folder);
  if (own === null || own === folder) return "no folder"; // Files beside the tasks' folders belong to none of them.
  const lacking = (["train", ...layout.task.evaluationSplits] as const).filter(
    (split) => splitFiles(own, split, layout.files[split] ?? []) === null,
  );
  return lacking.length === 0 ? null : lacking.map((split) => `no ${layout.files[split]?.[0]}`).join(", ");
}

function checkFolder(folder: string): void {
  if (!existsSync(folder)) throw new FormatError(folder, "no such folder. Check the path of the data.");
}
