import { ConfigError } from "../errors.js";
import { isTextKind, TEXT_KINDS } from "../kinds/kinds.js";
import type { TaskData } from "../kinds/task.js";
import { openTask, TASK_NAMES } from "./open.js";
import { ownTask } from "./texts/own.js";

/** Which task, and where its data is: a published one by its name, or one's own texts. */
export interface TaskSource {
  /** A published task: "sst2", "squad". */
  task?: string | undefined;
  /** Its folder, or one that holds it; or a task that is open already. */
  data?: string | TaskData | undefined;
  /** Where an open task was read from, for the record. */
  dataPath?: string | undefined;
  /** The training set of one's own: CSV, TSV, JSON lines or Parquet. */
  train?: string | undefined;
  /** What it is evaluated on. */
  validation?: string | undefined;
  /** The column of the text, or the two of a pair. */
  text?: string | readonly string[] | undefined;
  /** The column of the label, or of a number to predict. */
  label?: string | undefined;
  /** The column of ids. Default: rows are numbered. */
  id?: string | undefined;
  /** "classification" or "regression". Default: what the labels look like. */
  kind?: string | undefined;
}

/**
 * Opens the task that a caller asks for.
 *
 * @param options.needsTraining whether the training set is needed
 * @throws ConfigError when something is missing or does not go together
 */
export async function openTaskFrom(
  source: TaskSource,
  options: { needsTraining: boolean; labels?: readonly string[] | null },
): Promise<{ data: TaskData; path: string }> {
  const { task, data, train, validation, text, label, id, kind } = source;
  if (typeof data === "object") return { data, path: source.dataPath ?? data.task.title };
  const own = { train, validation, text, label, id, kind };
  const [firstOwn] = Object.entries(own).find(([, value]) => value !== undefined) ?? [];
  if (task !== undefined && firstOwn !== undefined) {
    throw new ConfigError(`${firstOwn}: expected it without task, which has its own texts. Give one or the other.`);
  }
  if (firstOwn === undefined) {
    if (task === undefined) {
      throw new ConfigError(
        `task: expected one of ${TASK_NAMES.join(", ")}, or your own texts with train, validation, text and label; got nothing.`,
      );
    }
    if (data === undefined) throw new ConfigError("data: expected the folder of the task, got nothing.");
    return { data: openTask(task, data), path: data };
  }
  return openOwn(source, options);
}

async function openOwn(
  { train, validation, text = [], label, id, kind, data }: TaskSource,
  { needsTraining, labels = null }: { needsTraining: boolean; labels?: readonly string[] | null },
): Promise<{ data: TaskData; path: string }> {
  if (data !== undefined) {
    throw new ConfigError("data: expected it with task only. Own texts are train and validation.");
  }
  if (needsTraining && train === undefined) throw new ConfigError("train: expected the training file, got nothing.");
  if (validation === undefined) throw new ConfigError("validation: expected the file to evaluate on, got nothing.");
  if (label === undefined) throw new ConfigError("label: expected the column of the label, got nothing.");
  const columns = typeof text === "string" ? [text] : text;
  const [first, second, ...more] = columns;
  if (first === undefined || more.length > 0) {
    throw new ConfigError(`text: expected one column or two, got ${columns.length}.`);
  }
  if (kind !== undefined && !isTextKind(kind)) {
    throw new ConfigError(`kind: expected ${TEXT_KINDS.join(" or ")}, got ${kind}.`);
  }
  const task = await ownTask({
    name: "own",
    train: train ?? null,
    validation,
    text: second === undefined ? [first] : [first, second],
    label,
    id: id ?? null,
    kind: kind ?? null,
    labels,
  });
  return { data: task, path: train ?? validation };
}
