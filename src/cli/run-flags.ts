import { type Command, InvalidArgumentError } from "commander";
import { numberFrom, wholeNumber } from "./option-values.js";

/** What pretrain and distill both take. */
export interface RunFlags {
  data?: string;
  out: string;
  resume?: boolean;
  recipe?: string;
  set?: Record<string, unknown>;
  device: string;
  threads?: number;
  heldOutSequences: number;
  logEvery: number;
  evaluateEvery: number;
  saveEvery: number;
  saveEveryMinutes: number;
  json?: boolean;
  quiet?: boolean;
}

/** Adds the options of RunFlags, but `--data`, which reads differently in each command. */
export function addRunFlags(command: Command, options: { defaultRecipe: string }): Command {
  return command
    .optionsGroup("The run:")
    .requiredOption("--out <run>", "a new run directory; the model is written to <run>/model")
    .option("--resume", "go on from the last checkpoint in --out, with its own recipe, data and teacher")
    .optionsGroup("What changes the result:")
    .option("--recipe <name>", `a recipe of "limbeck recipes", or a JSON file (default: ${options.defaultRecipe})`)
    .option("--set <key=value...>", "change values of the recipe: --set steps=100 seed=7", collectSettings)
    .optionsGroup("Where it runs:")
    .option("--device <device>", "cpu, or cuda", "cpu")
    .option("--threads <n>", "threads of the engine (default: the physical cores)", wholeNumber(1))
    .optionsGroup("When things happen:")
    .option("--log-every <steps>", "write losses to metrics.jsonl and TensorBoard", wholeNumber(1), 10)
    .option("--evaluate-every <steps>", "evaluate on the held-out text", wholeNumber(1), 100)
    .option("--held-out-sequences <n>", "how much of it", wholeNumber(1), 256)
    .option("--save-every <steps>", "save a checkpoint", wholeNumber(1), 500)
    .option("--save-every-minutes <m>", "save one at least so often", numberFrom(0.01), 10)
    .optionsGroup("What is printed:")
    .option("--json", "print the result as JSON")
    .option("-q, --quiet", "no progress, only errors")
    .helpOption("-h, --help", "print this help");
}

/** Collects `key=value`; a value that is JSON is taken as such, and any other as text. */
function collectSettings(text: string, settings: Record<string, unknown> = {}): Record<string, unknown> {
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
