import type { Command } from "commander";
import type { MeasureProgress } from "../../experiments/measure/timing.js";
import type { Task } from "../../kinds/task.js";
import { useThreads } from "../../processor.js";
import { openDisplay } from "../display/display.js";
import { commandLine } from "../display/output.js";
import { JobsDisplay } from "../display/run-display.js";
import {
  addPlaceFlags,
  addPrintFlags,
  addRecipeFlags,
  addSaveFlags,
  type PlaceFlags,
  type PrintFlags,
  type RecipeFlags,
  type SaveFlags,
  wholeNumber,
} from "../flags/options.js";
import { stopRequested } from "../interrupts.js";

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
  addRecipeFlags(command, {
    defaultRecipe: "finetune-base, or finetune-nano for hidden sizes below 256",
    set: "change values of the recipe, for all tasks or for one: --set epochs=1 rte.epochs=5",
  });
  addPlaceFlags(command);
  addSaveFlags(command);
  addPrintFlags(command).addHelpText("after", EXAMPLES).action(run);
}

const EXAMPLES = `
Examples:
  $ limbeck glue --model run/model --compare teacher --data glue --out glue-report
  $ limbeck glue --model run/model --data glue --out quick --tasks rte sst2 --seeds 3 --set epochs=1 rte.epochs=5`;

interface GlueFlags extends RecipeFlags, PlaceFlags, SaveFlags, PrintFlags {
  model: string;
  compare?: string;
  data: string;
  tasks?: string[];
  skipBadRows?: boolean;
  test?: boolean;
  out: string;
  resume?: boolean;
  keepModels?: boolean;
  seeds: number;
}

async function run(flags: GlueFlags): Promise<void> {
  useThreads(flags.threads);
  const { glueReport, testSets, writeSubmission } = await import("../../experiments/glue.js");
  const { publishReport } = await import("../display/reports.js");
  const { LATENCY_PAIRS, pairLatenciesMs } = await import("../../experiments/measure/measure.js");
  const { fineTuner, othersOf, seedsFrom, taskRecipes, testPredictor } = await import("../flags/task-runs.js");
  const { glueEntries } = await import("../flags/tasks.js");
  const { checkDevice } = await import("../../engine/tensor/device.js");
  checkDevice(flags.device);
  const tasks = glueEntries(flags.data, flags.tasks ?? null);
  const sets = flags.test ? testSets(flags.data, tasks) : [];
  const { recipe, set } = flags;
  const options = { recipe: "--recipe", set: "--set" };
  const tunings = await taskRecipes({ recipe, set, options }, { tasks, model: flags.model });
  const recipeOf = ({ name }: Task) => tunings.all[name] ?? tunings.first;
  const seeds = seedsFrom(tunings.first, flags.seeds);
  const skipBadRows = flags.skipBadRows ?? false;
  const signal = stopRequested();
  using display = openDisplay(flags);
  const jobs = new JobsDisplay(display);
  const report = await glueReport({
    ...{ tasks, seeds, signal },
    command: commandLine(),
    model: flags.model,
    compare: flags.compare ?? null,
    out: flags.out,
    resume: flags.resume ?? false,
    keepModels: flags.keepModels ?? false,
    settings: { finetune: tunings.first, ...othersOf(tunings), skipBadRows },
    runTask: fineTuner(flags, {
      recipeOf,
      pathOf: () => flags.data,
      ...{ skipBadRows, display: jobs.inner, signal },
    }),
    latenciesMs: async (models) => {
      display.log(`timing ${models.join(" and ")} on ${LATENCY_PAIRS} pairs`);
      const onProgress = ({ pairsDone, pairs, fraction, etaSeconds }: MeasureProgress) =>
        display.progress({ fraction, parts: [{ text: `timing: pair ${pairsDone} of ${pairs}`, rank: 9 }], etaSeconds });
      return await pairLatenciesMs(models, { onProgress, signal });
    },
    observer: jobs,
  });
  if (sets.length > 0) {
    const predict = testPredictor(flags, { recipeOf, display, signal });
    const { path, missing } = await writeSubmission(report.student, sets, { out: flags.out, predict });
    display.log(`${path}: written${missing.length === 0 ? "" : `; the server will miss ${missing.join(", ")}`}`);
  }
  display[Symbol.dispose]();
  publishReport(report, flags);
}
