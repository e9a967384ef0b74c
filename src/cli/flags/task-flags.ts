import type { Command } from "commander";
import type { TaskData } from "../../kinds/task.js";

/** Which task, and where its data is. */
export interface TaskFlags {
  task?: string;
  data?: string;
  train?: string;
  validation?: string;
  text?: string[];
  label?: string;
  id?: string;
  kind?: string;
  skipBadRows?: boolean;
}

/** Adds the options of TaskFlags. */
export function addTaskFlags(command: Command): Command {
  return command
    .optionsGroup("A published task:")
    .option("--task <name>", "cola, mnli, mrpc, qnli, qqp, rte, sst2, stsb, wnli, imdb, squad or squad-v2")
    .option("--data <dir>", "its folder, or one that holds it: official files, or the Hub's Parquet")
    .optionsGroup("Or your own texts, in CSV, TSV, JSON lines or Parquet:")
    .option("--train <file>", "the training set; the first line of CSV and TSV names the columns")
    .option("--validation <file>", "what it is evaluated on")
    .option("--text <column...>", "the column of the text, or the two of a pair")
    .option("--label <column>", "the column of the label, or of a number to predict")
    .option("--id <column>", "the column of ids (default: rows are numbered)")
    .option("--kind <kind>", "classification, or regression (default: what the labels look like)")
    .optionsGroup("Rows that cannot be used:")
    .option("--skip-bad-rows", "leave them out and say how many, instead of stopping at the first");
}

/**
 * Opens the task that a command line asks for.
 *
 * @param options.needsTraining whether the training set is needed
 * @throws ConfigError when flags are missing or do not go together
 */
export async function openTaskOf(
  flags: TaskFlags,
  options: { needsTraining: boolean; labels?: readonly string[] | null },
): Promise<{ data: TaskData; path: string }> {
  const { ConfigError } = await import("../../errors.js");
  const { task, data, train, validation, text, label } = flags;
  const own = { train, validation, text, label, id: flags.id, kind: flags.kind };
  const [firstOwn] = Object.entries(own).find(([, value]) => value !== undefined) ?? [];
  if (task !== undefined && firstOwn !== undefined) {
    throw new ConfigError(`--${firstOwn}: expected it without --task, which has its own texts. Give one or the other.`);
  }
  if (firstOwn === undefined) {
    const { openTask, TASK_NAMES } = await import("../../tasks/open.js");
    if (task === undefined) {
      throw new ConfigError(
        `--task: expected one of ${TASK_NAMES.join(", ")}, or your own texts with --train, --validation, --text and --label; got nothing.`,
      );
    }
    if (data === undefined) throw new ConfigError("--data: expected the folder of the task, got nothing.");
    return { data: openTask(task, data), path: data };
  }
  return openOwn(flags, options);
}

async function openOwn(
  { train, validation, text, label, id, kind, data }: TaskFlags,
  { needsTraining, labels = null }: { needsTraining: boolean; labels?: readonly string[] | null },
): Promise<{ data: TaskData; path: string }> {
  const { ConfigError } = await import("../../errors.js");
  const { ownTask } = await import("../../tasks/texts/own.js");
  if (data !== undefined)
    throw new ConfigError("--data: expected it with --task only. Own texts are --train and --validation.");
  if (needsTraining && train === undefined) throw new ConfigError("--train: expected the training file, got nothing.");
  if (validation === undefined) throw new ConfigError("--validation: expected the file to evaluate on, got nothing.");
  if (label === undefined) throw new ConfigError("--label: expected the column of the label, got nothing.");
  const [first, second, ...more] = text ?? [];
  if (first === undefined || more.length > 0) {
    throw new ConfigError(`--text: expected one column or two, got ${text?.length ?? 0}.`);
  }
  if (kind !== undefined && kind !== "classification" && kind !== "regression") {
    throw new ConfigError(`--kind: expected classification or regression, got ${kind}.`);
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
