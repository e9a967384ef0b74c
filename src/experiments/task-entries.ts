import { ConfigError } from "../errors.js";
import { findGlueTasks, openTask } from "../tasks/open.js";
import { plainName } from "../tasks/split-files.js";
import { GLUE_TASKS } from "../tasks/texts/glue-layouts.js";
import { suggestion } from "../text/nearest.js";
import type { TaskEntry } from "./task-runs.js";

/**
 * The tasks of GLUE that are wanted, in the paper's order, with their data or with why there is none.
 *
 * @param names null for all nine; case, hyphens and underscores do not matter
 * @throws ConfigError for a name nobody knows
 * @throws FormatError when there is no such folder
 */
export function glueEntries(folder: string, names: readonly string[] | null): TaskEntry[] {
  const wanted = names === null ? null : new Set(names.map(knownName));
  const { found, missing } = findGlueTasks(folder);
  const entries = GLUE_TASKS.map(({ task: { name, title } }): TaskEntry => {
    const data = found.find(({ task }) => task.name === name);
    if (data !== undefined) return { name, title, data };
    return { name, title, data: null, reason: missing.find((one) => one.name === name)?.reason ?? "no folder" };
  });
  return entries.filter(({ name }) => wanted === null || wanted.has(name));
}

function knownName(name: string): string {
  const known = GLUE_TASKS.map(({ task }) => task.name);
  const found = known.find((other) => plainName(other) === plainName(name));
  if (found !== undefined) return found;
  const advice = suggestion(name, known);
  throw new ConfigError(`--tasks: expected tasks of GLUE (${known.join(", ")}), got ${JSON.stringify(name)}.${advice}`);
}

/** Where the tasks of an ablation are, and which of them are wanted. */
export interface AblateFolders {
  glue?: string;
  imdb?: string;
  squad?: string;
  tasks?: string[];
}

/** Tasks beyond GLUE that an ablation may score; the option of that name says where they are. */
const OTHERS = ["imdb", "squad"] as const;

/**
 * The tasks that an ablation scores: those of GLUE in the paper's order, then IMDb and SQuAD where their folders are given.
 *
 * @throws ConfigError when there is no folder, or a task is wanted whose folder is not given
 * @throws FormatError when a folder does not hold its task
 */
export function ablateEntries({ glue, tasks = [], ...others }: AblateFolders): TaskEntry[] {
  const wanted = new Set(tasks.map(plainName));
  for (const name of OTHERS) {
    if (wanted.has(name) && others[name] === undefined) {
      throw new ConfigError(`--${name}: expected the folder of ${name}, which --tasks names, got nothing.`);
    }
  }
  const ofGlue = tasks.filter((name) => !OTHERS.some((other) => other === plainName(name)));
  if (glue === undefined && ofGlue.length > 0) {
    throw new ConfigError(`--glue: expected the folder of ${ofGlue.join(", ")}, which --tasks names, got nothing.`);
  }
  const entries = [
    ...(glue === undefined || (tasks.length > 0 && ofGlue.length === 0) ? [] : entriesOfGlue(glue, ofGlue)),
    ...OTHERS.flatMap((name) => otherEntry(name, others[name])),
  ];
  if (entries.length > 0) return entries;
  throw new ConfigError("--glue: expected a folder of tasks here, or in --imdb or --squad, got none with data.");
}

/** Those that are named, there or not; without names those that are there. */
function entriesOfGlue(folder: string, names: readonly string[]): TaskEntry[] {
  if (names.length > 0) return glueEntries(folder, names);
  return glueEntries(folder, null).filter(({ data }) => data !== null);
}

function otherEntry(name: string, folder: string | undefined): TaskEntry[] {
  if (folder === undefined) return [];
  const data = openTask(name, folder);
  return [{ name, title: data.task.title, data }];
}
