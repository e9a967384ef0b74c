import type { Command } from "commander";
import { useThreads } from "../../processor.js";
import { openDisplay } from "../display/display.js";
import { printResult } from "../display/output.js";
import { heldOutWords } from "../display/run-display.js";
import { addRunFlags, type RunFlags } from "../flags/options.js";

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
  const { trainingOptions } = await import("../flags/session.js");
  const { pretrain } = await import("../../training/pretrain/pretrain.js");
  using display = openDisplay(flags);
  const result = await pretrain(trainingOptions(flags, display));
  display[Symbol.dispose]();
  printResult(result, {
    json: flags.json,
    lines: [
      ["model", result.model],
      ["quality", heldOutWords(result.heldOut)],
    ],
  });
}
