import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { type Command, Option } from "commander";
import { ConfigError, FormatError } from "../errors.js";
import type { MeasuredPairs, MeasureOptions, MeasureProgress } from "../report/measure.js";
import type { MeasurePrecision, Subject } from "../report/measure-subjects.js";
import { useThreads } from "./cores.js";
import { type Display, openDisplay } from "./display.js";
import { stopRequested } from "./interrupts.js";
import { wholeNumber } from "./option-values.js";
import type { ProgressView } from "./progress-line.js";
import { whole } from "./quantities.js";
import { EMBEDDED_TEACHER } from "./teacher.js";

interface MeasureFlags {
  shape?: string[];
  data?: string;
  pairs?: number;
  tokenizer?: string;
  precision: MeasurePrecision;
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
    .option("--threads <n>", "threads of the engine (default: the physical cores)", wholeNumber(1))
    .option("--out <dir>", "write report.json and report.html there")
    .option("--json", "print the report as JSON")
    .option("-q, --quiet", "no progress, only the result")
    .helpOption("-h, --help", "print this help")
    .addHelpText("after", "\nExample:\n  $ limbeck measure TEACHER run/model --shape bert-base --data glue --pairs 200")
    .action(run);
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

async function run(models: string[], flags: MeasureFlags): Promise<void> {
  useThreads(flags.threads);
  const { measure } = await import("../report/measure.js");
  const { measureDocument } = await import("../report/measure-document.js");
  const { provenance } = await import("../report/provenance.js");
  const { commandLine } = await import("./command-line.js");
  const { reportText, writeReport } = await import("../report/write.js");
  using display = openDisplay(flags);
  const pairs = await readPairs(flags);
  const signal = stopRequested();
  const { subjects, shapeTokenizer } = await openSubjects(models, flags, display);
  try {
    if (flags.out !== undefined) claimFolder(flags.out);
    display.log(`measuring ${subjects.map(({ name }) => name).join(", ")} on ${pairsWords(pairs, flags.pairs)}`);
    const report = await measure({
      ...{ subjects, shapeTokenizer, pairs, limit: flags.pairs ?? null, precision: flags.precision, signal },
      progress: (state) => display.progress(viewOf(state)),
    });
    display[Symbol.dispose]();
    const command = commandLine();
    const document = measureDocument(report, provenance({ command, seeds: [] }));
    if (flags.out !== undefined) writeReport(flags.out, report, document);
    process.stdout.write(flags.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(document));
  } finally {
    for (const subject of subjects) subject[Symbol.dispose]();
  }
}

/** @throws ConfigError when more pairs are asked for than there are */
async function readPairs({ data, pairs: limit = 1 }: MeasureFlags): Promise<MeasuredPairs> {
  const { readStsPairs, madeUpStsPairs } = await import("../report/sts-pairs.js");
  const pairs = data === undefined ? madeUpStsPairs() : await readStsPairs(data);
  const all = pairs.pairs.length;
  if (limit <= all) return pairs;
  throw new ConfigError(`--pairs: expected at most ${whole(all)}, which is all there are, got ${whole(limit)}.`);
}

/** Models in the order given, then shapes; with neither, the paper's shapes. */
async function openSubjects(
  models: readonly string[],
  { shape: given, tokenizer: wanted, precision }: MeasureFlags,
  display: Display,
): Promise<Pick<MeasureOptions, "shapeTokenizer"> & { subjects: Subject[] }> {
  const { openModel, openShape, readsPieces, SHAPE_NAMES } = await import("../report/measure-subjects.js");
  const { modelNames } = await import("../report/task-runs.js");
  const { loadModelTokenizer } = await import("../checkpoint/model.js");
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
  const opening = (name: string) =>
    display.progress({ fraction: null, parts: [{ text: `opening ${name}`, rank: 9 }], etaSeconds: null });
  try {
    for (const [i, model] of models.entries()) {
      opening(model);
      subjects.push(await openModel(model, names[i] ?? model, { precision }));
    }
    for (const shape of shapes) {
      opening(`${shape} with random weights`);
      const name = names[subjects.length] ?? shape;
      subjects.push({ ...openShape(shape, { tokenizer, precision }), name });
    }
  } catch (error) {
    for (const subject of subjects) subject[Symbol.dispose]();
    throw error;
  }
  const shapeTokenizer = tokenizer && { name: wanted ?? "the embedded teacher", pieces: tokenizer.vocabSize };
  return { subjects, shapeTokenizer };
}

/** @throws FormatError when the folder holds anything but an earlier report */
function claimFolder(out: string): void {
  if (existsSync(out) && !statSync(out).isDirectory()) {
    throw new FormatError(out, "expected a folder for the report, got a file. Give another path.");
  }
  mkdirSync(out, { recursive: true });
  const foreign = readdirSync(out).find((name) => !REPORT_FILES.has(name));
  if (foreign === undefined) return;
  throw new FormatError(
    out,
    `expected a new folder, or one with an earlier report alone, got one that holds ${JSON.stringify(foreign)}. Give another.`,
  );
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
