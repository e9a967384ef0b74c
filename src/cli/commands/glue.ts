import type { Command } from "commander";
import { useThreads } from "../../processor.js";
import { openDisplay } from "../display/display.js";
import { addPrintFlags, addTrainingFlags, type TableFlags, wholeNumber } from "../flags/options.js";

export function registerGlue(program: Command): void {
  const command = program
    .command("glue")
    .summary("the paper's Table 1: all GLUE tasks, and the share a student keeps")
    .description(
      "Fine-tunes a model on every GLUE task it finds, with several seeds, and reports the median on the development sets. With --compare, its teacher too, and the share the model keeps.",
    )
    .optionsGroup("From what:")
    .requiredOption("--model <model>", "a model folder or a Hub id: the student")
    .option("--compare <model>", "another, whose share it keeps: the teacher")
    .requiredOption("--data <dir>", "a folder of GLUE tasks: CoLA/, SST-2/ …")
    .option("--tasks <names...>", "only these tasks (default: all nine; those without data are named)")
    .option("--skip-bad-rows", "leave rows out that cannot be used")
    .option("--test", "also answer the test sets, and write submission.zip for the benchmark's server")
    .optionsGroup("The run:")
    .requiredOption("--out <dir>", "a new folder: report.json, report.html, and the runs")
    .option("--resume", "go on: the same command again, nothing finished is repeated")
    .option("--keep-models", "keep every fine-tuned model (default: of each task the one of the best seed)")
    .option("--seeds <n>", "runs of every model on every task", wholeNumber(1), 5);
  addTrainingFlags(command, {
    defaultRecipe: "finetune-base, or finetune-nano for hidden sizes below 256",
    set: "change values of the recipe, for all tasks or for one: --set epochs=1 rte.epochs=5",
  });
  addPrintFlags(command).addHelpText("after", EXAMPLES).action(run);
}

const EXAMPLES = `
Examples:
  $ limbeck glue --model run/model --compare teacher --data glue --out glue-report
  $ limbeck glue --model run/model --data glue --out quick --tasks rte sst2 --seeds 3 --set epochs=1 rte.epochs=5`;

interface GlueFlags extends TableFlags {
  model: string;
  compare?: string;
  tasks?: string[];
  test?: boolean;
}

async function run(flags: GlueFlags): Promise<void> {
  useThreads(flags.threads);
  const { glue } = await import("../../experiments/paper-tables.js");
  const { publishReport } = await import("../display/reports.js");
  const { tableOptions } = await import("../flags/session.js");
  using display = openDisplay(flags);
  const { report, submission } = await glue({ ...flags, ...tableOptions(flags, display) });
  if (submission !== null) {
    const { path, missing } = submission;
    display.log(`${path}: written${missing.length === 0 ? "" : `; the server will miss ${missing.join(", ")}`}`);
  }
  display[Symbol.dispose]();
  publishReport(report, flags);
}
