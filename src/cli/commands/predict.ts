import { once } from "node:events";
import { type Command, Option } from "commander";
import { ConfigError, InputError } from "../../errors.js";
import type { Answer, Question } from "../../infer/answer.js";
import type { Classification } from "../../infer/classify.js";
import type { FilledMask } from "../../infer/fill-mask.js";
import type { Settled } from "../../infer/inputs.js";
import type { Model } from "../../infer/model.js";
import { MODEL_DTYPES, type ModelDType } from "../../infer/model-files.js";
import type { TextPair } from "../../infer/sequences.js";
import { PIPELINE_TASKS, type PipelineTask } from "../../kinds/pipeline-names.js";
import { physicalCores } from "../../processor.js";
import { openDisplay } from "../display/display.js";
import { whole } from "../display/quantities.js";
import { numberFrom, wholeNumber } from "../flags/options.js";
import type { GivenInput, PredictInput } from "../flags/predict-inputs.js";

interface PredictFlags {
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
  json?: boolean;
  quiet?: boolean;
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
  if (context !== undefined && task !== undefined && task !== "question-answer") {
    throw new ConfigError(`--context: expected --task question-answer, got ${task}.`);
  }
  if (second !== undefined && task !== undefined && task !== "classify") {
    throw new ConfigError(`--second: expected --task classify, got ${task}.`);
  }
}

async function predictAll(model: Model, texts: readonly string[], flags: PredictFlags): Promise<void> {
  const { taskOf } = await import("../../infer/outputs.js");
  const { argumentInputs, atLeastOne, fileInputs, inGroups, STANDARD_INPUT } = await import(
    "../flags/predict-inputs.js"
  );
  const task = flags.task ?? taskOf(model);
  const beside = { task, second: flags.second ?? null, context: flags.context ?? null };
  const paths = flags.file ?? [STANDARD_INPUT];
  const given = texts.length > 0 ? argumentInputs(texts, beside) : fileInputs(paths, beside);
  // Where results go to the terminal too, a line that moves would be among them.
  using display = openDisplay({ quiet: flags.quiet || process.stdout.isTTY });
  const startMs = performance.now();
  let done = 0;
  for await (const group of inGroups(atLeastOne(given, flags.file?.join(", ") ?? "standard input"), GROUP)) {
    for (const [i, prediction] of (await predictGroup(model, group, { ...flags, task })).entries()) {
      const input = group[i] as GivenInput;
      if (prediction instanceof InputError) process.exitCode = prediction.exitStatus;
      if (flags.json) await print(jsonLine(prediction, input, done));
      else if (prediction instanceof InputError) process.stderr.write(`limbeck: ${errorText(prediction, input)}\n`);
      else await print(plainLines(prediction));
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
async function predictGroup(
  model: Model,
  group: readonly GivenInput[],
  options: PredictFlags & { task: PipelineTask },
): Promise<Settled<Prediction>[]> {
  const inputs = group.flatMap(({ input }) => (input instanceof InputError ? [] : [input]));
  const predictions = (await predict(model, inputs, options))[Symbol.iterator]();
  return group.map(({ input }) =>
    input instanceof InputError ? input : (predictions.next().value as Settled<Prediction>),
  );
}

async function predict(
  model: Model,
  inputs: readonly PredictInput[],
  options: PredictFlags & { task: PipelineTask },
): Promise<Settled<Prediction>[]> {
  const { answerSettled, classifySettled, embedSettled, fillMaskSettled } = await import("../../infer/node.js");
  const { top, normalize, unanswerable: mayBeUnanswerable, nullThreshold } = options;
  switch (options.task) {
    case "classify":
      return classifySettled(model, inputs as (string | TextPair)[]);
    case "fill-mask":
      return fillMaskSettled(model, inputs as string[], { top });
    case "embed":
      return embedSettled(model, inputs as string[], { normalize });
    case "question-answer":
      return answerSettled(model, inputs as Question[], { mayBeUnanswerable, nullThreshold });
  }
}

/** Waits where the reader is slower. */
async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

/** What a pipeline says of an input. */
type Prediction = Classification | Answer | readonly FilledMask[] | Float32Array;

/** One line of JSON: the result, or `error`; `index` counts the inputs from 0. */
function jsonLine(prediction: Settled<Prediction>, given: GivenInput, index: number): string {
  const named = { index, ...(given.id === null ? {} : { id: given.id }) };
  return `${JSON.stringify({ ...named, ...jsonOf(prediction, given) })}\n`;
}

/** Lines for people. */
function plainLines(prediction: Prediction): string {
  return `${linesOf(prediction).join("\n")}\n`;
}

/** An error, named as the input is known to whoever gave it. */
function errorText({ message }: InputError, { where }: GivenInput): string {
  return message.replace(/^(texts|questions)\[\d+\]/, where); // A pipeline counts within the batch that it was given.
}

function jsonOf(prediction: Settled<Prediction>, given: GivenInput): object {
  if (prediction instanceof InputError) return { error: errorText(prediction, given) };
  if (prediction instanceof Float32Array) return { embedding: Array.from(prediction, shortest) };
  return Array.isArray(prediction) ? { masks: prediction } : prediction;
}

/** Nine digits tell every f32 from the next. */
function shortest(value: number): number {
  return Number(value.toPrecision(9));
}

function linesOf(prediction: Prediction): string[] {
  if (prediction instanceof Float32Array) return [Array.from(prediction, (value) => value.toPrecision(6)).join(" ")];
  if ("score" in prediction) return [prediction.score.toFixed(4) + cutNote(prediction)];
  if ("label" in prediction) return [`${share(prediction.probability)}  ${prediction.label}${cutNote(prediction)}`];
  if ("candidates" in prediction) return [`${share(prediction.probability)}  ${prediction.text || "(no answer)"}`];
  const most = Math.max(...prediction.flatMap(({ candidates }) => candidates.map(({ token }) => token.length)));
  return prediction.flatMap(({ candidates }) =>
    candidates.map(({ token, probability, text }) => `${share(probability)}  ${token.padEnd(most)}  ${text}`),
  );
}

function share(probability: number): string {
  return `${(100 * probability).toFixed(1).padStart(5)} %`;
}

function cutNote({ isCut }: { readonly isCut: boolean }): string {
  return isCut ? "  (of its beginning: the text is longer than the model reads)" : "";
}
