import { existsSync, readdirSync, statSync } from "node:fs";
import { engineInfo } from "../../engine/tensor/device.js";
import { ConfigError, FormatError } from "../../errors.js";
import { EMBEDDED_TEACHER } from "../../hub/embedded-teacher.js";
import { loadModelTokenizer } from "../../hub/model-loading.js";
import { loadOnnxRuntime } from "../../infer/onnx-runtime.js";
import { whole } from "../../quantities.js";
import { writeReport } from "../../runs/report.js";
import { makeFolder } from "../../storage/disk.js";
import { modelNames } from "../task-runs.js";
import { openOnnx } from "./measure-onnx.js";
import {
  type MeasurePrecision,
  openEncoder,
  openShape,
  readsPieces,
  SHAPE_NAMES,
  type Subject,
} from "./measure-subjects.js";
import { type MeasuredPairs, madeUpStsPairs, readStsPairs } from "./pairs.js";
import { type MeasureProgress, type MeasureReport, timeSubjects } from "./timing.js";

/** What a report may be written beside: an earlier one, which it replaces. */
const REPORT_FILES = new Set(["report.json", "report.html"]);

export interface MeasureOptions {
  /** Model folders or Hub ids, with whatever head. */
  readonly models?: readonly string[] | undefined;
  /** Published shapes with random weights. Default: the three of the paper's table where there are no models, else none. */
  readonly shapes?: readonly string[] | undefined;
  /** STS-B's folder, or GLUE's. Default: made-up pairs of the same lengths. */
  readonly data?: string | undefined;
  /** How many pairs are measured, evenly spread. Default: all. */
  readonly pairs?: number | undefined;
  /** The model whose word pieces shapes read. Default: the teacher that comes with Limbeck. */
  readonly tokenizer?: string | undefined;
  /** Of matrix products. Default: "float32". */
  readonly precision?: MeasurePrecision | undefined;
  /** What runs models: libtorch, ONNX Runtime on the files of an exported model, or both. Default: "torch". */
  readonly runtime?: "torch" | "onnx" | "both" | undefined;
  /** Full batches that are timed for throughput. Default: 3 with ONNX Runtime, else 0. */
  readonly batches?: number | undefined;
  /** Where report.json is written: a new folder, or one with an earlier report alone. Default: nowhere. */
  readonly out?: string | undefined;
  /** The command line, for the report. Default: null, since a program asks. */
  readonly command?: string | null | undefined;
  /** Told of every model before it is opened. */
  readonly onOpening?: ((what: string) => void) | undefined;
  /** Told once what is measured, and on what. */
  readonly onStart?: ((what: string) => void) | undefined;
  readonly onProgress?: ((state: MeasureProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Parameters, bytes and CPU time of models and of published shapes, as in the paper's Table 3.
 *
 * @throws ConfigError or FormatError when something is missing or does not go together
 * @throws AbortError when the signal aborts
 * Source: Sanh et al. 2019, section 3, Table 3
 */
export async function measure(options: MeasureOptions = {}): Promise<MeasureReport> {
  const { out, data, precision = "float32", runtime = "torch", batches = runtime === "torch" ? 0 : 3 } = options;
  if (out !== undefined) claimFolder(out);
  const pairs = data === undefined ? madeUpStsPairs() : await readStsPairs(data);
  const all = pairs.pairs.length;
  const count = options.pairs ?? all;
  if (count > all) {
    throw new ConfigError(`pairs: expected at most ${whole(all)}, which is all there are, got ${whole(count)}.`);
  }
  using opened = await openSubjects({ ...options, precision, runtime });
  options.onStart?.(`${opened.subjects.map(({ name }) => name).join(", ")} on ${pairsWords(pairs, count)}`);
  const { command, signal, onProgress } = options;
  const report = await timeSubjects({
    ...{ ...opened, pairs, precision, command, signal },
    limit: count,
    onnxRuntime: runtime === "torch" ? null : await onnxRuntimeVersion(),
    batchPasses: batches,
    progress: (state) => onProgress?.(state),
  });
  if (out !== undefined) writeReport(out, report);
  return report;
}

/** Enough for a median that holds still; all of STS-B's dev set is what `measure` is for. */
export const LATENCY_PAIRS = 200;

/** CPU milliseconds of a pair of sentences as long as STS-B's, at batch size 1: the median of each model. */
export async function pairLatenciesMs(
  models: readonly string[],
  watch: Pick<MeasureOptions, "onProgress" | "signal">,
): Promise<number[]> {
  const { rows } = await measure({ models, pairs: LATENCY_PAIRS, ...watch });
  return rows.map(({ p50Ms }) => p50Ms);
}

type Opened = Pick<Parameters<typeof timeSubjects>[0], "subjects" | "shapeTokenizer" | "notes"> & Disposable;

/** Models in the order given, then shapes. */
async function openSubjects(
  options: MeasureOptions & { precision: MeasurePrecision; runtime: "torch" | "onnx" | "both" },
): Promise<Opened> {
  const { models = [], tokenizer: wanted, precision, runtime, onOpening } = options;
  const shapes = options.shapes ?? (models.length === 0 ? SHAPE_NAMES : []);
  const needsTokenizer = shapes.filter(readsPieces).length > 0;
  if (wanted !== undefined && !needsTokenizer) {
    throw new ConfigError(
      "tokenizer: expected a shape that reads word pieces, got none. Models read with their own: leave it out.",
    );
  }
  if (runtime !== "torch" && models.length === 0) {
    throw new ConfigError(`runtime ${runtime}: expected exported models, got none. Shapes run on libtorch alone.`);
  }
  const tokenizer = needsTokenizer ? await loadModelTokenizer(wanted ?? EMBEDDED_TEACHER) : null;
  const names = modelNames([...models, ...shapes]);
  const subjects: Subject[] = [];
  const notes: string[] = [];
  const dispose = () => {
    for (const subject of subjects) subject[Symbol.dispose]();
  };
  try {
    for (const [i, model] of models.entries()) {
      onOpening?.(model);
      const name = names[i] ?? model;
      if (runtime !== "onnx") subjects.push(await openEncoder(model, name, { precision }));
      if (runtime === "torch") continue;
      const onnx = await openOnnx(model, name, { threads: engineInfo().threads });
      subjects.push(...onnx.subjects);
      notes.push(...onnx.notes);
    }
    for (const [i, shape] of shapes.entries()) {
      onOpening?.(`${shape} with random weights`);
      const name = names[models.length + i] ?? shape;
      subjects.push({ ...openShape(shape, { tokenizer, precision }), name });
    }
  } catch (error) {
    dispose();
    throw error;
  }
  const shapeTokenizer = tokenizer && { name: wanted ?? "the embedded teacher", pieces: tokenizer.vocabSize };
  return { subjects, shapeTokenizer, notes, [Symbol.dispose]: dispose };
}

async function onnxRuntimeVersion(): Promise<string> {
  const { env } = await loadOnnxRuntime();
  return env.versions.node ?? env.versions.common;
}

function pairsWords({ pairs, source }: MeasuredPairs, count: number): string {
  const of = count < pairs.length ? `${whole(count)} of ${whole(pairs.length)}` : whole(count);
  return `${of} pairs${source === "made up" ? ", made up" : " of STS-B"}`;
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
