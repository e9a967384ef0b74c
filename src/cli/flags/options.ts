import { type Command, InvalidArgumentError } from "commander";

/** What pretrain and distill both take. */
export interface RunFlags extends TrainingFlags {
  data?: string;
  heldOutSequences: number;
  evaluateEvery: number;
}

/** What all take that train. */
export interface TrainingFlags extends PlaceFlags, PrintFlags {
  out: string;
  resume?: boolean;
  recipe?: string;
  set?: Record<string, unknown>;
  logEvery: number;
  saveEvery: number;
  saveEveryMinutes: number;
  profile?: boolean;
}

/** What the tables of many runs take. */
export interface TableFlags extends TrainingFlags {
  data: string;
  skipBadRows?: boolean;
  keepModels?: boolean;
  seeds: number;
}

export interface PlaceFlags {
  device: string;
  threads?: number;
}

export interface PrintFlags {
  json?: boolean;
  quiet?: boolean;
}

export const RECIPE_GROUP = "What changes the result:";

/** Adds the options of RunFlags, but `--data`, which reads differently in each command. */
export function addRunFlags(command: Command, options: { defaultRecipe: string }): Command {
  command
    .optionsGroup("The run:")
    .requiredOption("--out <run>", "a new run directory; the model is written to <run>/model")
    .option("--resume", "go on from the last checkpoint in --out, with its own recipe, data and teacher");
  addTrainingFlags(command, options)
    .option("--evaluate-every <steps>", "evaluate on the held-out text", wholeNumber(1), 100)
    .option("--held-out-sequences <n>", "how much of it", wholeNumber(1), 256);
  return addProfileFlag(addPrintFlags(command));
}

/**
 * Adds the recipe, the place and the cadence.
 *
 * @param options.set what --set does, where it is more than to change one recipe
 */
export function addTrainingFlags(
  command: Command,
  {
    defaultRecipe,
    set = "change values of the recipe: --set steps=100 seed=7",
  }: { defaultRecipe: string; set?: string },
): Command {
  command
    .optionsGroup(RECIPE_GROUP)
    .option("--recipe <name>", `a recipe of "limbeck recipes", or a JSON file (default: ${defaultRecipe})`)
    .option("--set <key=value...>", set, collectSettings);
  return addPlaceFlags(command)
    .optionsGroup("When things happen:")
    .option("--log-every <steps>", "write losses to metrics.jsonl and TensorBoard", wholeNumber(1), 10)
    .option("--save-every <steps>", "save a checkpoint", wholeNumber(1), 500)
    .option("--save-every-minutes <m>", "save one at least so often", numberFrom(0.01), 10);
}

export function addPlaceFlags(command: Command): Command {
  return command
    .optionsGroup("Where it runs:")
    .option("--device <device>", "cpu, or cuda", "cpu")
    .option("--threads <n>", "threads of the engine (default: the physical cores)", wholeNumber(1));
}

export function addPrintFlags(command: Command): Command {
  return command
    .optionsGroup("What is printed:")
    .option("--json", "print the result as JSON")
    .option("-q, --quiet", "no progress, only errors")
    .helpOption("-h, --help", "print this help");
}

export function addProfileFlag(command: Command): Command {
  return command.option(
    "--profile",
    "print where the time of five steps goes, by phase and by op, after two to warm up, and write them op by op to <run>/profile.json, for chrome://tracing or Perfetto (on cuda: the time to queue the work, and to wait for it where a value is read)",
  );
}

/** Collects `key=value`; a value that is JSON is taken as such, and any other as text. */
export function collectSettings(text: string, settings: Record<string, unknown> = {}): Record<string, unknown> {
  const cut = text.indexOf("=");
  if (cut < 1) throw new InvalidArgumentError("Expected key=value, as in steps=100.");
  return { ...settings, [text.slice(0, cut)]: jsonOrText(text.slice(cut + 1)) };
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

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

/** A parser of whole numbers for commander. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`);
    }
    return value;
  };
}

/** A parser of numbers in [least, most), or from `least` on. */
export function numberFrom(least: number, most = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= least && value < most)) {
      const bound = most === Number.POSITIVE_INFINITY ? `of at least ${least}` : `in [${least}, ${most})`;
      throw new InvalidArgumentError(`Expected a number ${bound}.`);
    }
    return value;
  };
}
