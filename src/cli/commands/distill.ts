import type { Command } from "commander";
import { useThreads } from "../../processor.js";
import { percent } from "../../quantities.js";
import { openDisplay } from "../display/display.js";
import { printResult } from "../display/output.js";
import { heldOutWords } from "../display/run-display.js";
import { addRunFlags, type RunFlags } from "../flags/options.js";

export function registerDistill(program: Command): void {
  const command = program
    .command("distill")
    .summary("distil a teacher into a student")
    .description(
      "Distils a BERT teacher into a DistilBERT student by the paper's three losses, on a dataset that limbeck prepare wrote with the teacher's tokenizer.",
    )
    .optionsGroup("From what:")
    .option("--teacher <model>", "a model folder or a Hub id (default: the small teacher that comes with Limbeck)")
    .option("--data <dir>", "the dataset");
  addRunFlags(command, { defaultRecipe: "nano" }).addHelpText("after", EXAMPLES).action(run);
}

const EXAMPLES = `
Examples:
  $ limbeck distill --data data --out run
  $ limbeck distill --teacher bert-base-uncased/ --data data --out run --recipe distilbert-base
  $ limbeck distill --resume --out run`;

async function run(flags: RunFlags & { teacher?: string }): Promise<void> {
  useThreads(flags.threads);
  const { trainingOptions } = await import("../flags/session.js");
  const { distill } = await import("../../training/distill/distill.js");
  using display = openDisplay(flags);
  const result = await distill({
    ...trainingOptions(flags, display),
    teacher: flags.teacher,
    onTeacher: (heldOut) => display.log(`teacher: ${heldOutWords(heldOut)}`),
  });
  display[Symbol.dispose]();
  const kept = result.heldOut.accuracy / result.teacherHeldOut.accuracy;
  printResult(result, {
    json: flags.json,
    lines: [
      ["student", result.model],
      ["teacher's quality", heldOutWords(result.teacherHeldOut)],
      ["student's quality", heldOutWords(result.heldOut)],
      ["kept", Number.isFinite(kept) ? `${percent(kept)} of the teacher's accuracy` : "the teacher has none to keep"],
    ],
  });
}
