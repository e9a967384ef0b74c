import { type Command, InvalidArgumentError } from "commander";
import type { Split } from "../../kinds/task.js";
import { useThreads } from "../../processor.js";
import { whole } from "../../quantities.js";
import type { ReportOf } from "../../runs/report.js";
import type { ModelResult } from "../../tasks/evaluate-model.js";
import { openDisplay } from "../display/display.js";
import { commandLine, printResult } from "../display/output.js";
import {
  addPlaceFlags,
  addPrintFlags,
  addTaskFlags,
  type PlaceFlags,
  type PrintFlags,
  type TaskFlags,
  wholeNumber,
} from "../flags/options.js";

export function registerEvaluate(program: Command): void {
  const command = program
    .command("evaluate")
    .summary("evaluate a fine-tuned model on its task")
    .description("Evaluates a model that was fine-tuned on a task, and writes its predictions if it is told to.")
    .optionsGroup("What:")
    .requiredOption("--model <model>", "a fine-tuned model: a folder or a Hub id");
  addTaskFlags(command)
    .optionsGroup("How:")
    .option("--split <split>", "validation, test, validation_matched, … (default: what the task is evaluated on)")
    .option(
      "--sequence-length <n>",
      "tokens of a sequence or window (default: as the model was fine-tuned)",
      wholeNumber(8),
    )
    .option("--predictions <dir>", "write predictions here: SQuAD's predictions.json, or predictions.tsv");
  addPlaceFlags(command);
  addPrintFlags(command).addHelpText("after", EXAMPLES).action(run);
}

const EXAMPLES = `
Examples:
  $ limbeck evaluate --model sst2/model --task sst2 --data glue
  $ limbeck evaluate --model squad/model --task squad --data squad --predictions answers`;

interface EvaluateFlags extends TaskFlags, PlaceFlags, PrintFlags {
  model: string;
  split?: string;
  sequenceLength?: number;
  predictions?: string;
}

async function run(flags: EvaluateFlags): Promise<void> {
  useThreads(flags.threads);
  const { evaluate } = await import("../../tasks/evaluate-model.js");
  const { reportHead } = await import("../../runs/report.js");
  using display = openDisplay(flags);
  const reading = `reading ${flags.task ?? flags.validation ?? "the task"} and ${flags.model}`;
  display.progress({ fraction: null, parts: [{ text: reading, rank: 9 }], etaSeconds: null });
  const { task, results } = await evaluate({
    ...flags,
    split: splitOf(flags.split),
    onProgress: (done, total) =>
      display.progress({
        fraction: done / total,
        parts: [{ text: `${whole(done)} of ${whole(total)}`, rank: 9 }],
        etaSeconds: null,
      }),
  });
  display[Symbol.dispose]();
  const shown = results.map(({ predictions: _, nullOdds: __, ...rest }) => rest);
  const report: ReportOf<"evaluate"> = {
    ...reportHead({ command: commandLine(), seeds: [] }),
    kind: "evaluate",
    ...{ model: flags.model, task, results: shown },
  };
  printResult(report, { json: flags.json, lines: results.flatMap(linesOf) });
}

const SPLITS: readonly Split[] = [
  ...(["train", "validation", "test"] as const),
  ...(["validation_matched", "validation_mismatched", "test_matched", "test_mismatched"] as const),
];

function splitOf(given: string | undefined): Split | undefined {
  const split = SPLITS.find((known) => known === given);
  if (given === undefined || split !== undefined) return split;
  throw new InvalidArgumentError(`--split: expected ${SPLITS.join(", ")}; got ${given}.`);
}

function linesOf({ split, metrics, details, loss, exampleCount, skipped }: ModelResult): [string, string][] {
  const where = split.replace("_", " ");
  const figures = Object.entries({ ...metrics, ...details }).map(([name, value]): [string, string] => [
    `${name}, ${where}`,
    value.toFixed(4),
  ]);
  return [
    ...figures,
    [`loss, ${where}`, loss === null ? "labels are hidden" : loss.toFixed(4)],
    [`examples, ${where}`, whole(exampleCount)],
    ...(skipped > 0 ? [[`left out, ${where}`, `${whole(skipped)} rows`] as [string, string]] : []),
  ];
}
