import type { Command } from "commander";
import type { AblateFolders } from "../../experiments/task-entries.js";
import { useThreads } from "../../processor.js";
import { openDisplay } from "../display/display.js";
import {
  addPrintFlags,
  addTrainingFlags,
  collectSettings,
  RECIPE_GROUP,
  type TableFlags,
  wholeNumber,
} from "../flags/options.js";

export function registerAblate(program: Command): void {
  const command = program
    .command("ablate")
    .summary("the paper's Table 4: what each part of the loss gives")
    .description(
      "Distils five students with the same budget: by the full triple loss, without each of its parts, and from random weights. Fine-tunes each on the same tasks with several seeds, and reports how the score changes, with its spread: a difference within noise is shown as such.",
    )
    .optionsGroup("From what:")
    .option("--teacher <model>", "a model folder or a Hub id (default: the small teacher that comes with Limbeck)")
    .requiredOption("--data <dir>", 'the dataset to distil on, which "limbeck prepare" wrote')
    .option("--glue <dir>", "score on GLUE: a folder of its tasks, CoLA/, SST-2/ …")
    .option("--imdb <dir>", "score on IMDb: its folder")
    .option("--squad <dir>", "score on SQuAD 1.1, by F1: its folder")
    .option("--tasks <names...>", "only these tasks of GLUE (default: all that are there)")
    .option("--skip-bad-rows", "leave rows of tasks out that cannot be used")
    .optionsGroup("The run:")
    .requiredOption("--out <dir>", "a new folder: report.json, report.html, and the runs")
    .option("--resume", "go on: the same command again, nothing finished is repeated")
    .option("--keep-models", "keep every fine-tuned model (default: the students alone, and all figures)")
    .option("--distill-seeds <n>", "distillations of every variant", wholeNumber(1), 1)
    .option("--seeds <n>", "fine-tunings of every student on every task", wholeNumber(1), 5);
  addTrainingFlags(command, { defaultRecipe: "nano" })
    .option("--evaluate-every <steps>", "evaluate distillations on the held-out text", wholeNumber(1), 100)
    .option("--held-out-sequences <n>", "how much of it", wholeNumber(1), 256)
    .optionsGroup(RECIPE_GROUP)
    .option("--finetune-recipe <name>", "a recipe for fine-tuning on texts (default: by size, as in glue)")
    .option(
      "--set-finetune <key=value...>",
      "change values of it, for all tasks or for one: --set-finetune epochs=1 squad.epochs=2",
      collectSettings,
    );
  addPrintFlags(command).addHelpText("after", EXAMPLES).action(run);
}

const EXAMPLES = `
Examples:
  $ limbeck ablate --data data --glue glue --out ablation --tasks rte sst2 --set steps=1000
  $ limbeck ablate --data data --glue glue --out ablation --tasks rte sst2 --set steps=1000 --resume
  $ limbeck ablate --data data --squad squad --out ablation --distill-seeds 3 --set-finetune squad.trainExamples=20000`;

interface AblateFlags extends AblateFolders, TableFlags {
  teacher?: string;
  distillSeeds: number;
  finetuneRecipe?: string;
  setFinetune?: Record<string, unknown>;
  evaluateEvery: number;
  heldOutSequences: number;
}

async function run(flags: AblateFlags): Promise<void> {
  useThreads(flags.threads);
  const { ablate } = await import("../../experiments/paper-tables.js");
  const { publishReport } = await import("../display/reports.js");
  const { tableOptions } = await import("../flags/session.js");
  using display = openDisplay(flags);
  const { cadence, ...options } = tableOptions(flags, display);
  const report = await ablate({
    ...flags,
    ...options,
    cadence: { ...cadence, evaluateEverySteps: flags.evaluateEvery },
  });
  display[Symbol.dispose]();
  publishReport(report, flags);
}
