import { once } from "node:events";
import { type Command, Option } from "commander";
import { ConfigError, InputError } from "../../errors.js";
import type { Settled } from "../../infer/inputs.js";
import type { Model } from "../../infer/model.js";
import { MODEL_DTYPES, type ModelDType } from "../../infer/model-files.js";
import type { Predictions } from "../../infer/predict.js";
import { KIND_RECORDS, KINDS, type Kind, PIPELINE_TASKS, type PipelineTask } from "../../kinds/kinds.js";
import { physicalCores } from "../../processor.js";
import { whole } from "../../quantities.js";
import { openDisplay } from "../display/display.js";
import { numberFrom, type PrintFlags, wholeNumber } from "../flags/options.js";
import type { GivenInput } from "../flags/predict-inputs.js";

interface PredictFlags extends PrintFlags {
  model: string;
  task?: PipelineTask;
  dtype: ModelDType;
  fused: boolean;
  file?: string[];
  second?: string;
  context?: string;
  top: number;
  normalize?: boolean;
  unanswerable?: boolean;
  nullThreshold?: number;
  threads?: number;
}

/** Inputs that are run together: enough to sort by length, few enough to hold. */
const GROUP = { most: 1024, waitMs: 20 };

export function registerPredict(program: Command): void {
  program
    .command("predict")
    .summary("run an exported model on texts")
    .description(
      'Runs a model that "limbeck export" wrote on texts: arguments, the lines of files, or those of standard input. Results come in the order of the texts, as soon as they are there, whatever their number. No libtorch is loaded.',
    )
    .argument("[text...]", "texts; for question-answer, questions")
    .optionsGroup("What:")
    .requiredOption("--model <dir>", "an exported model")
    .addOption(
      new Option("--task <task>", "what is asked of it (default: what it was exported for)").choices(PIPELINE_TASKS),
    )
    .option("--file <path...>", 'read texts there: a line each, or an object a line in .jsonl; "-" is standard input')
    .option("--second <text>", "classify: the second text of each pair")
    .option("--context <passage>", "question-answer: the passage, of any length")
    .optionsGroup("How:")
    .addOption(new Option("--dtype <dtype>", "which file is run").choices(MODEL_DTYPES).default("fp32"))
    .option("--no-fused", "the portable file, also where there is one fused for ONNX Runtime")
    .option("--top <n>", "fill-mask: candidates for each mask", wholeNumber(1), 5)
    .option("--normalize", "embed: vectors of length 1")
    .option("--unanswerable", "question-answer: the passage may not answer, as in SQuAD 2.0")
    .option(
      "--null-threshold <odds>",
      "with --unanswerable: how much better no answer must score (default: 0)",
      numberFrom(Number.NEGATIVE_INFINITY),
    )
    .option("--threads <n>", "threads of a pass (default: the physical cores)", wholeNumber(1))
    .optionsGroup("What is printed:")
    .option("--json", "a line of JSON for each text: its index, and the result or an error")
    .option("-q, --quiet", "no progress, only results and errors")
    .helpOption("-h, --help", "print this help")
    .addHelpText("after", HELP)
    .action(run);
}

const HELP = `
JSON lines that are read have text; or first and second for pairs; or question and context. An id comes back with the
result. A text that cannot be run is an error in its place, and the others go on; the exit status is then 2.

Examples:
  $ limbeck predict --model exported --task fill-mask "The [MASK] rose over the harbour."
  $ limbeck predict --model sst2 --dtype int8 --json --file reviews.txt > verdicts.jsonl
  $ limbeck predict --model squad --context "$(cat passage.txt)" "Who kept the light?"
  $ tail -f log.jsonl | limbeck predict --model sst2 --json --file -`;

async function run(texts: string[], flags: PredictFlags): Promise<void> {
  const { openModel } = await import("../../infer/node.js");
  checkSources(texts, flags);
  const threads = flags.threads ?? physicalCores();
  const model = await openModel(flags.model, { dtype: flags.dtype, fused: flags.fused, threads });
  try {
    await predictAll(model, texts, flags);
  } finally {
    await model.close();
  }
}

/** @throws ConfigError where nothing is given, or what cannot go together */
function checkSources(texts: readonly string[], { file, context, second, task }: PredictFlags): void {
  if (texts.length > 0 && file !== undefined) {
    throw new ConfigError("expected texts as arguments or in --file, got both. Give one of them.");
  }
  if (texts.length === 0 && file === undefined && process.stdin.isTTY) {
    throw new ConfigError("expected texts: as arguments, in --file, or on standard input; got none.");
  }
  checkColumn("context", context, task);
  checkColumn("second", second, task);
}

/** @throws ConfigError where what is given stands in no input of the task */
function checkColumn(column: string, given: string | undefined, task: PipelineTask | undefined): void {
  if (given === undefined || task === undefined) return;
  const records = KINDS.map((kind) => KIND_RECORDS[kind]);
  const having = records.filter(({ columns }) => [...columns.required, ...columns.optional].includes(column));
  const tasks = [...new Set(having.map(({ pipeline }) => pipeline))];
  if (tasks.includes(task)) return;
  throw new ConfigError(`--${column}: expected --task ${tasks.join(" or ")}, got ${task}.`);
}

async function predictAll(model: Model, texts: readonly string[], flags: PredictFlags): Promise<void> {
  const { kindFor, taskOf } = await import("../../infer/model-config.js");
  const { STANDARD_INPUT } = await import("../../data/readers/source-files.js");
  const { argumentInputs, atLeastOne, fileInputs, inGroups } = await import("../flags/predict-inputs.js");
  const { errorText, jsonLine, plainLines } = await import("../display/predict-output.js");
  const kind = kindFor(model, flags.task ?? taskOf(model));
  const beside = { kind, second: flags.second ?? null, context: flags.context ?? null };
  const paths = flags.file ?? [STANDARD_INPUT];
  const given = texts.length > 0 ? argumentInputs(texts, beside) : fileInputs(paths, beside);
  // Where results go to the terminal too, a line that moves would be among them.
  using display = openDisplay({ quiet: flags.quiet || process.stdout.isTTY });
  const startMs = performance.now();
  let done = 0;
  for await (const group of inGroups(atLeastOne(given, flags.file?.join(", ") ?? "standard input"), GROUP)) {
    for (const [i, prediction] of (await predictGroup(model, kind, group, flags)).entries()) {
      const input = group[i] as GivenInput;
      if (prediction instanceof InputError) process.exitCode = prediction.exitStatus;
      if (flags.json) await print(jsonLine(kind, prediction, { given: input, index: done }));
      else if (prediction instanceof InputError) process.stderr.write(`limbeck: ${errorText(prediction, input)}\n`);
      else await print(plainLines(kind, prediction));
      done++;
    }
    const perSecond = done / ((performance.now() - startMs) / 1000);
    const parts = [
      { text: `${whole(done)} texts`, rank: 9 },
      { text: `${whole(perSecond)} a second`, rank: 8 },
    ];
    display.progress({ fraction: null, parts, etaSeconds: null });
  }
}

/** Runs those that are inputs; the others stay the errors they are. */
async function predictGroup<K extends Kind>(
  model: Model,
  kind: K,
  group: readonly GivenInput[],
  { top, normalize, unanswerable: mayBeUnanswerable, nullThreshold }: PredictFlags,
): Promise<Settled<Predictions[K]>[]> {
  const { predictSettled } = await import("../../infer/predict.js");
  const inputs = group.flatMap(({ input }) => (input instanceof InputError ? [] : [input]));
  const options = { top, normalize, mayBeUnanswerable, nullThreshold };
  const predictions = (await predictSettled(model, kind, inputs, options))[Symbol.iterator]();
  return group.map(({ input }) =>
    input instanceof InputError ? input : (predictions.next().value as Settled<Predictions[K]>),
  );
}

/** Waits where the reader is slower. */
async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}
