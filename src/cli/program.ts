import { Command } from "commander";
import { packageVersion } from "../version.js";
import { registerAblate } from "./commands/ablate.js";
import { registerDemo } from "./commands/demo.js";
import { registerDistill } from "./commands/distill.js";
import { registerDoctor } from "./commands/doctor.js";
import { registerEvaluate } from "./commands/evaluate.js";
import { registerExport } from "./commands/export.js";
import { registerFinetune } from "./commands/finetune.js";
import { registerGlue } from "./commands/glue.js";
import { registerMeasure } from "./commands/measure.js";
import { registerPlayground } from "./commands/playground.js";
import { registerPredict } from "./commands/predict.js";
import { registerPrepare } from "./commands/prepare.js";
import { registerPretrain } from "./commands/pretrain.js";
import { registerRecipes } from "./commands/recipes.js";
import { registerTokenizer } from "./commands/tokenizer.js";

/** Each adds one command; what a command runs is imported when it runs, so that --help loads nothing native. */
const COMMANDS = [
  registerDoctor,
  registerTokenizer,
  registerPrepare,
  registerPretrain,
  registerDistill,
  registerFinetune,
  registerEvaluate,
  registerGlue,
  registerAblate,
  registerMeasure,
  registerExport,
  registerPredict,
  registerPlayground,
  registerRecipes,
  registerDemo,
] as const;

/** The command line, ready to parse. Wrong usage throws a CommanderError, and prints nothing. */
export function createProgram(): Command {
  const program = new Command("limbeck")
    .description("Distils BERT teachers into small DistilBERT students, from raw text to a Hugging Face model folder.")
    .version(packageVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .addHelpText("after", AFTER_HELP);
  for (const register of COMMANDS) register(program);
  return program.hook("preAction", (_, command) => checkPlaces(command.opts()));
}

/** Where a command is to write must be a place where something can be made. */
async function checkPlaces(flags: Readonly<Record<string, unknown>>): Promise<void> {
  const { refuseProc } = await import("../storage/disk.js");
  for (const place of [flags.out, flags.predictions]) if (typeof place === "string") refuseProc(place);
}

const AFTER_HELP = `
From text to student:
  $ limbeck prepare corpus.txt --tokenizer TEACHER --out data
  $ limbeck distill --teacher TEACHER --data data --out run
  The student is then in run/model, a folder that Hugging Face's tools load.

Standard output carries the result, as one JSON document with --json; standard error progress and messages.
Exit status: 0 done, 1 a bug or a failed run, 2 wrong input, 130 interrupted, after saving.`;
