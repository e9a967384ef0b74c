import { join } from "node:path";
import type { Command } from "commander";
import type { SeedsOptions } from "../../experiments/seeds.js";
import { useThreads } from "../../processor.js";
import { fixed, percent, whole } from "../../quantities.js";
import type { FinetuneResult } from "../../tasks/run-report.js";
import { type Display, openDisplay } from "../display/display.js";
import { commandLine, printResult } from "../display/output.js";
import { addPrintFlags, addProfileFlag, addTaskFlags, addTrainingFlags, wholeNumber } from "../flags/options.js";
import type { FinetuneFlags } from "../flags/session.js";

export function registerFinetune(program: Command): void {
  const command = program
    .command("finetune")
    .summary("fine-tune a model on a task, with or without a teacher")
    .description(
      "Fine-tunes a model on a task of GLUE, on IMDb, on SQuAD, or on your own texts. With --teacher, a model fine-tuned on the same task, it is the paper's second step of distillation: the model learns from labels and teacher.",
    )
    .optionsGroup("From what:")
    .option("--model <model>", "a model folder or a Hub id: pretrained, distilled, or fine-tuned before")
    .option("--teacher <model>", "a model fine-tuned on the task, to learn from too");
  addTaskFlags(command);
  command
    .optionsGroup("The run:")
    .requiredOption("--out <run>", "a new run directory; the model is written to <run>/model")
    .option(
      "--resume",
      "go on from the last checkpoint in --out, with its own recipe, model, teacher and published task; with --seeds, the same command again",
    )
    .option(
      "--seeds <n>",
      "runs with n seeds from the recipe's on, in <run>/seed-1 and so on; <run>/model is that of the best",
      wholeNumber(1),
    )
    .option("--keep-models", "with --seeds, keep every seed's model (default: that of the best)");
  addTrainingFlags(command, {
    defaultRecipe: "by task and size: finetune-base, squad-base, or …-nano for hidden sizes below 256",
  });
  addProfileFlag(addPrintFlags(command)).addHelpText("after", EXAMPLES).action(run);
}

const EXAMPLES = `
Examples:
  $ limbeck finetune --model run/model --task sst2 --data glue --out sst2
  $ limbeck finetune --model run/model --task squad --data squad --out squad --teacher teacher-squad/model
  $ limbeck finetune --model run/model --train train.csv --validation dev.csv --text title body --label topic --out topics`;

async function run(flags: FinetuneFlags): Promise<void> {
  useThreads(flags.threads);
  const { finetuneOptions } = await import("../flags/session.js");
  const { finetune } = await import("../../tasks/finetune.js");
  const { writePage } = await import("../../pages/reports/reports.js");
  const { readReport } = await import("../../runs/report.js");
  using display = openDisplay(flags);
  const options = { ...finetuneOptions(flags, display), command: commandLine() };
  const reading = `reading ${flags.task ?? flags.train ?? "the task"} and ${flags.model ?? "the model"}`;
  display.progress({ fraction: null, parts: [{ text: reading, rank: 9 }], etaSeconds: null });
  if (flags.seeds !== undefined) return await runSeeds(flags, { ...options, seeds: flags.seeds }, display);
  const result = await finetune(options);
  writePage(result.run, readReport(result.run, "finetune"));
  display[Symbol.dispose]();
  printResult(result, { json: flags.json, lines: resultLines(result) });
}

/** One run after another, each with its own seed; those that are finished are not repeated. */
async function runSeeds(flags: FinetuneFlags, options: SeedsOptions, display: Display): Promise<void> {
  const { seedsReport } = await import("../../experiments/seeds.js");
  const { writePage } = await import("../../pages/reports/reports.js");
  const { readReport } = await import("../../runs/report.js");
  const { seeds } = options;
  const report = await seedsReport({
    ...options,
    keepModels: flags.keepModels,
    onRun: (out) => display.log(`run ${out}`),
  });
  for (const { run } of report.runs) writePage(run, readReport(run, "finetune"));
  writePage(flags.out, report);
  display[Symbol.dispose]();
  const { score, runs, best, model } = report;
  const spread = score.deviation === null ? "" : ` ± ${fixed(100 * score.deviation, 1)}`;
  printResult(report, {
    json: flags.json,
    lines: [
      ["model", `${model}, of seed ${best}`],
      ...runs.map(({ run, score }): [string, string] => [run, percent(score)]),
      ["median", `${percent(score.median)}${spread} over ${seeds} seeds`],
      ["page with charts", join(flags.out, "report.html")],
    ],
  });
}

function resultLines(result: FinetuneResult): [string, string][] {
  const { metrics, step, selection, trainExamples, skippedRows } = result;
  const figures = Object.entries(metrics).flatMap(([split, named]) =>
    Object.entries(named).map(([name, value]): [string, string] => [
      `${name}, ${split.replace("_", " ")}`,
      value.toFixed(4),
    ]),
  );
  return [
    ["model", result.model],
    ...figures,
    ["weights", `after step ${whole(step)}`],
    ["page with charts", join(result.run, "report.html")],
    ["trained on", `${whole(trainExamples)} examples`],
    ...(selection === null ? [] : [evaluatedOn(selection)]),
    ...(skippedRows > 0 ? [["left out", `${whole(skippedRows)} rows`] as [string, string]] : []),
  ];
}

/** What the evaluations while it trained were on, where that is not what the figures are of. */
function evaluatedOn({ title, exampleCount }: NonNullable<FinetuneResult["selection"]>): [string, string] {
  return ["evaluated meanwhile on", `${whole(exampleCount)} examples: ${title}`];
}
