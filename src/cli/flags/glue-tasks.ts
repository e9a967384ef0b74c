import { ConfigError } from "../../errors.js";
import type { TaskEntry } from "../../experiments/task-runs.js";
import { findGlueTasks } from "../../tasks/open.js";
import { plainName } from "../../tasks/rows/split-files.js";
import { GLUE_TASKS } from "../../tasks/texts/glue-layouts.js";
import { nearest } from "../../text/nearest.js";

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
  const close = nearest(name, known);
  const advice = close === null ? "" : ` Did you mean ${close}?`;
  throw new ConfigError(`--tasks: expected tasks of GLUE (${known.join(", ")}), got ${JSON.stringify(name)}.${advice}`);
}
