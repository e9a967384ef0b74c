import { existsSync, readdirSync, statSync } from "node:fs";
import { type Command, Option } from "commander";
import { ConfigError, FormatError } from "../../errors.js";
import type { MeasureOptions, MeasureProgress } from "../../experiments/measure/measure.js";
import type { MeasurePrecision, Subject } from "../../experiments/measure/measure-subjects.js";
import type { MeasuredPairs } from "../../experiments/measure/pairs.js";
import { EMBEDDED_TEACHER } from "../../hub/embedded-teacher.js";
import { useThreads } from "../../processor.js";
import { whole } from "../../quantities.js";
import { makeFolder } from "../../storage/disk.js";
import type { ProgressView } from "../display/display.js";
import { type Display, openDisplay } from "../display/display.js";
import { commandLine } from "../display/output.js";
import { wholeNumber } from "../flags/options.js";
import { stopRequested } from "../interrupts.js";

interface MeasureFlags {
  shape?: string[];
  data?: string;
  pairs?: number;
  tokenizer?: string;
  precision: MeasurePrecision;
  runtime: "torch" | "onnx" | "both";
  batches?: number;
  threads?: number;
  out?: string;
  json?: boolean;
  quiet?: boolean;
}

/** What a report may be written beside: an earlier one, which it replaces. */
const REPORT_FILES = new Set(["report.json", "report.html"]);

export function registerMeasure(program: Command): void {
  program
    .command("measure")
    .summary("parameters, bytes and CPU time: the paper's Table 3")
    .description(
      "Measures models, and published shapes without their weights: parameters, bytes, and the time of a full pass over STS-B's dev set at batch size 1 through the encoder (and its pooler), as the paper's Table 3. With neither MODEL nor --shape, the three shapes of that table.",
    )
    .argument("[model...]", "model folders or Hub ids, with whatever head")
    .option(
      "--shape <name>",
      "a published shape with random weights: bert-base, distilbert-base, elmo; repeatable",
      collect,
    )
    .option("--data <dir>", "STS-B's folder, or GLUE's (default: made-up pairs of the same lengths)")
    .option("--pairs <n>", "measure so many pairs, evenly spread (default: all)", wholeNumber(1))
    .option(
      "--tokenizer <model>",
      "whose word pieces shapes read (default: those of the teacher that comes with Limbeck)",
    )
    .addOption(
      new Option("--precision <dtype>", "of matrix products").choices(["float32", "bfloat16"]).default("float32"),
    )
    .addOption(
      new Option(
        "--runtime <runtime>",
        'what runs models: libtorch, ONNX Runtime (the files that "limbeck export" wrote: fp32, int8, and fp16 where that is faster), or both, side by side',
      )
        .choices(["torch", "onnx", "both"])
        .default("torch"),
    )
    .option(
      "--batches <n>",
      "full batches of 32 x 128 tokens that are timed for throughput (default: 3 with ONNX Runtime, else 0)",
      wholeNumber(0),
    )
    .option("--threads <n>", "threads of the engine (default: the physical cores)", wholeNumber(1))
    .option("--out <dir>", "write report.json and report.html there")
    .option("--json", "print the report as JSON")
    .option("-q, --quiet", "no progress, only the result")
    .helpOption("-h, --help", "print this help")
    .addHelpText("after", EXAMPLES)
    .action(run);
}

const EXAMPLES = `
Examples:
  $ limbeck measure TEACHER run/model --shape bert-base --data glue --pairs 200
  $ limbeck measure exported-teacher exported-student --runtime both --data glue --out latency`;

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

async function run(models: string[], flags: MeasureFlags): Promise<void> {
  useThreads(flags.threads);
  const { measure } = await import("../../experiments/measure/measure.js");
  const { documentOf, reportText, writePage } = await import("../../pages/reports/reports.js");
  const { writeReport } = await import("../../runs/report.js");
  using display = openDisplay(flags);
  const pairs = await readPairs(flags);
  const signal = stopRequested();
  const { subjects, shapeTokenizer, notes } = await openSubjects(models, flags, display);
  try {
    if (flags.out !== undefined) claimFolder(flags.out);
    display.log(`measuring ${subjects.map(({ name }) => name).join(", ")} on ${pairsWords(pairs, flags.pairs)}`);
    const report = await measure({
      ...{ subjects, shapeTokenizer, pairs, limit: flags.pairs ?? null, precision: flags.precision, signal },
      command: commandLine(),
      ...{ notes, onnxRuntime: flags.runtime === "torch" ? null : await onnxRuntimeVersion() },
      batchPasses: flags.batches ?? (flags.runtime === "torch" ? 0 : 3),
      progress: (state) => display.progress(viewOf(state)),
    });
    display[Symbol.dispose]();
    if (flags.out !== undefined) writeReport(flags.out, report);
    const document = flags.out === undefined ? documentOf(report, ".") : writePage(flags.out, report);
    process.stdout.write(flags.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(document));
  } finally {
    for (const subject of subjects) subject[Symbol.dispose]();
  }
}

/** @throws ConfigError when more pairs are asked for than there are */
async function readPairs({ data, pairs: limit = 1 }: MeasureFlags): Promise<MeasuredPairs> {
  const { readStsPairs, madeUpStsPairs } = await import("../../experiments/measure/pairs.js");
  const pairs = data === undefined ? madeUpStsPairs() : await readStsPairs(data);
  const all = pairs.pairs.length;
  if (limit <= all) return pairs;
  throw new ConfigError(`--pairs: expected at most ${whole(all)}, which is all there are, got ${whole(limit)}.`);
}

/** Models in the order given, then shapes; with neither, the paper's shapes. */
async function openSubjects(
  models: readonly string[],
  { shape: given, tokenizer: wanted, precision, runtime }: MeasureFlags,
  display: Display,
): Promise<Pick<MeasureOptions, "shapeTokenizer"> & { subjects: Subject[]; notes: string[] }> {
  const { openEncoder, openShape, readsPieces, SHAPE_NAMES } = await import(
    "../../experiments/measure/measure-subjects.js"
  );
  const { openOnnx } = await import("../../experiments/measure/measure-onnx.js");
  const { engineInfo } = await import("../../engine/tensor/device.js");
  const { modelNames } = await import("../../experiments/task-runs.js");
  const { loadModelTokenizer } = await import("../../hub/model-loading.js");
  const shapes = given ?? (models.length === 0 ? SHAPE_NAMES : []);
  const needsTokenizer = shapes.filter(readsPieces).length > 0;
  if (wanted !== undefined && !needsTokenizer) {
    throw new ConfigError(
      "--tokenizer: expected a shape that reads word pieces, got none. Models read with their own: leave it out.",
    );
  }
  const tokenizer = needsTokenizer ? await loadModelTokenizer(wanted ?? EMBEDDED_TEACHER) : null;
  const names = modelNames([...models, ...shapes]);
  const subjects: Subject[] = [];
  const notes: string[] = [];
  if (runtime !== "torch" && models.length === 0) {
    throw new ConfigError(`--runtime ${runtime}: expected exported models, got none. Shapes run on libtorch alone.`);
  }
  const opening = (name: string) =>
    display.progress({ fraction: null, parts: [{ text: `opening ${name}`, rank: 9 }], etaSeconds: null });
  try {
    for (const [i, model] of models.entries()) {
      opening(model);
      const name = names[i] ?? model;
      if (runtime !== "onnx") subjects.push(await openEncoder(model, name, { precision }));
      if (runtime === "torch") continue;
      const onnx = await openOnnx(model, name, { threads: engineInfo().threads });
      subjects.push(...onnx.subjects);
      notes.push(...onnx.notes);
    }
    for (const [i, shape] of shapes.entries()) {
      opening(`${shape} with random weights`);
      const name = names[models.length + i] ?? shape;
      subjects.push({ ...openShape(shape, { tokenizer, precision }), name });
    }
  } catch (error) {
    for (const subject of subjects) subject[Symbol.dispose]();
    throw error;
  }
  const shapeTokenizer = tokenizer && { name: wanted ?? "the embedded teacher", pieces: tokenizer.vocabSize };
  return { subjects, shapeTokenizer, notes };
}

/** @throws FormatError when the folder holds anything but an earlier report */
function claimFolder(out: string): void {
  if (existsSync(out) && !statSync(out).isDirectory()) {
    throw new FormatError(out, "expected a folder for the report, got a file. Give another path.");
  }
  makeFolder(out);
  const foreign = readdirSync(out).find((name) => !REPORT_FILES.has(name));
  if (foreign === undefined) return;
  throw new FormatError(
    out,
    `expected a new folder, or one with an earlier report alone, got one that holds ${JSON.stringify(foreign)}. Give another.`,
  );
}

async function onnxRuntimeVersion(): Promise<string> {
  const { loadOnnxRuntime } = await import("../../infer/onnx-runtime.js");
  const { env } = await loadOnnxRuntime();
  return env.versions.node ?? env.versions.common;
}

function pairsWords({ pairs, source }: MeasuredPairs, limit = pairs.length): string {
  const of = limit < pairs.length ? `${whole(limit)} of ${whole(pairs.length)}` : whole(limit);
  return `${of} pairs${source === "made up" ? ", made up" : " of STS-B"}`;
}

function viewOf({ name, pairsDone, pairs, fraction, etaSeconds }: MeasureProgress): ProgressView {
  const parts = [
    { text: name, rank: 7 },
    { text: `pair ${whole(pairsDone)} of ${whole(pairs)}`, rank: 6 },
  ];
  return { fraction, parts, etaSeconds };
}
