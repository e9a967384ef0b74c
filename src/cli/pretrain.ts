import type { Command } from "commander";
import { useThreads } from "./cores.js";
import { openDisplay } from "./display.js";
import { printResult } from "./output.js";
import { heldOutWords } from "./run-display.js";
import { addRunFlags, type RunFlags } from "./run-flags.js";

export function registerPretrain(program: Command): void {
  const command = program
    .command("pretrain")
    .summary("train a BERT teacher from scratch")
    .description("Trains a BERT by masked language modelling alone, on a dataset that limbeck prepare wrote.")
    .optionsGroup("From what:")
    .option("--data <dir>", "the dataset");
  addRunFlags(command, { defaultRecipe: "tiny-teacher" })
    .addHelpText("after", "\nExample:\n  $ limbeck pretrain --data data --out teacher --set layers=3 steps=1000")
    .action(run);
}

async function run(flags: RunFlags): Promise<void> {
  useThreads(flags.threads);
  const { openSession } = await import("./session-flags.js");
  const { pretrain } = await import("../train/pretrain.js");
  const { pretrainRecipe } = await import("../train/pretrain-recipe.js");
  using display = openDisplay(flags);
  const session = openSession(flags, {
    display,
    recipe: { kind: "pretrain", schema: pretrainRecipe, defaultName: "tiny-teacher" },
    teacher: null,
  });
  const result = await pretrain(session);
  display[Symbol.dispose]();
  printResult(result, {
    json: flags.json,
    lines: [
      ["model", result.model],
      ["quality", heldOutWords(result.heldOut)],
    ],
  });
}
