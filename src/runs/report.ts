import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FormatError } from "../errors.js";
import { LABELLED_KINDS } from "../kinds/kinds.js";
import type { Task } from "../kinds/task.js";
import { distillRecipe } from "../recipes/distill-recipe.js";
import { finetuneRecipe } from "../recipes/finetune-recipe.js";
import { replaceText } from "../storage/atomic-files.js";
import { formatJson, parseJson, readJsonObject } from "../storage/json-file.js";
import { packageVersion } from "../version.js";

/** What a command came to, beside what it made. In a run directory it says that the run is finished. */
export const REPORT_FILE = "report.json";

/** Of all reports; a change that a reader could notice raises it. */
const REPORT_SCHEMA_VERSION = 1;

const list = <T extends z.ZodType>(of: T) => z.array(of).readonly();
const count = z.number().int().min(0);

/** What every report begins with. */
const head = {
  schemaVersion: z.literal(REPORT_SCHEMA_VERSION),
  /** Of the runs; empty where nothing is drawn. */
  seeds: list(count),
  provenance: z.object({
    /** Of Limbeck. */
    version: z.string(),
    /** The command line, ready to be given again; null where a program asked. */
    command: z.string().nullable(),
    /** When it was finished, in UTC: ISO 8601. */
    date: z.iso.datetime(),
  }),
};

/** What several runs of one thing gave. */
const spread = z.object({
  count,
  median: z.number(),
  mean: z.number(),
  /** The sample standard deviation, with n − 1; null of a single run. */
  deviation: z.number().nullable(),
  least: z.number(),
  most: z.number(),
});
export type Spread = z.infer<typeof spread>;

/** How far runs are from a baseline, each from the baseline's run of the same seed. */
const pairedDifference = z.object({
  count,
  /** Of the differences, as is `deviation`, the sample standard deviation; null of a single pair. */
  mean: z.number(),
  deviation: z.number().nullable(),
  /** Of the mean: deviation / √n. */
  standardError: z.number().nullable(),
  /** Whether |mean| is not above the deviation; null where one pair says nothing about noise. */
  isWithinNoise: z.boolean().nullable(),
});
export type PairedDifference = z.infer<typeof pairedDifference>;

/** A task as its reports name and score it. */
const reportedTask = z.object({
  name: z.string(),
  title: z.string(),
  kind: z.enum(LABELLED_KINDS),
  metrics: list(z.string()),
  score: list(z.string()),
  evaluationSplits: list(z.string()),
  /** Whether some questions have no answer. */
  hasUnanswerable: z.boolean(),
});
export type ReportedTask = z.infer<typeof reportedTask>;

/** A task of several: it was scored, or there was no data, for a reason. */
const taskEntry = z.object({
  name: z.string(),
  title: z.string(),
  task: reportedTask.nullable(),
  /** "no folder", "no train.tsv"; null where it is there. */
  missing: z.string().nullable(),
});

/** By split, then by metric; shares, SQuAD's too. */
const metrics = z.record(z.string(), z.record(z.string(), z.number()));

const finetune = z.object({
  ...head,
  kind: z.literal("finetune"),
  task: reportedTask,
  /** The model it started from. */
  model: z.string(),
  teacher: z.string().nullable(),
  /** Optimizer steps of the weights that are the result. */
  step: count,
  score: z.number(),
  metrics,
  /** What was evaluated during training, where that is not what the figures are of. */
  selection: z.object({ split: z.string(), title: z.string(), exampleCount: count }).nullable(),
  trainExamples: count,
  skippedRows: count,
  recipe: finetuneRecipe,
  elapsedMs: z.number(),
});

const seedRun = finetune
  .pick({ step: true, score: true, metrics: true, trainExamples: true, skippedRows: true, selection: true })
  .extend({ run: z.string(), model: z.string(), task: z.string() });

const finetuneSeeds = z.object({
  ...head,
  kind: z.literal("finetune-seeds"),
  ...finetune.pick({ task: true, teacher: true, recipe: true }).shape,
  startedFrom: z.string(),
  /** Of the shares that the task is scored by. */
  score: spread,
  /** The seed of the best score, and where its model is. */
  best: count,
  model: z.string(),
  /** By seed. */
  runs: list(seedRun),
});

/** What a fine-tuning run among many came to. */
const taskRun = z.object({
  task: z.string(),
  seed: count,
  /** Its directory. */
  run: z.string(),
  step: count,
  metrics,
  /** The task's score, from 0 to 100. */
  score: z.number(),
  elapsedMs: z.number(),
});
export type TaskRun = z.infer<typeof taskRun>;

/** What changes every fine-tuning, as it was asked for. */
const settings = z.record(z.string(), z.unknown());

/** A model's results on every task. */
const modelScores = z.object({
  name: z.string(),
  model: z.string(),
  /** `score` in points, over the seeds. */
  tasks: list(z.object({ task: z.string(), score: spread, runs: list(taskRun) })),
  /** The mean over tasks of the median over seeds. */
  macro: z.number(),
  /** Of the mean over tasks, seed by seed. */
  macroSpread: spread,
  latencyMs: z.number().nullable(),
});
export type ModelScores = z.infer<typeof modelScores>;

const glue = z.object({
  ...head,
  kind: z.literal("glue"),
  settings,
  tasks: list(taskEntry),
  student: modelScores,
  teacher: modelScores.nullable(),
  /** The student's share of the teacher's score; a task where the teacher has none to keep is left out. */
  kept: z.object({ macro: z.number(), tasks: z.record(z.string(), z.number()) }).nullable(),
});

/** A student of one distillation seed, fine-tuned. */
const studentRuns = z.object({
  distillSeed: count,
  /** Of the distillation. */
  run: z.string(),
  tasks: list(z.object({ task: z.string(), runs: list(taskRun) })),
  /** The mean over tasks, by fine-tuning seed. */
  macros: list(z.number()),
});
export type StudentRuns = z.infer<typeof studentRuns>;

const variant = z.object({
  name: z.string(),
  title: z.string(),
  /** What it changes in the recipe. */
  changes: distillRecipe.partial(),
  students: list(studentRuns),
  /** Over the pairs' unit. */
  macro: spread,
  /** By task, of all its runs. */
  tasks: z.record(z.string(), spread),
  /** Against the full loss; null for itself. */
  change: pairedDifference.nullable(),
  /** The same of all fine-tunings, paired by both seeds: they are not independent, so that it judges nothing. */
  changeOfAll: pairedDifference.nullable(),
  /** The paper's change. */
  paper: z.number().nullable(),
});
export type VariantResult = z.infer<typeof variant>;

const ablate = z.object({
  ...head,
  kind: z.literal("ablate"),
  teacher: z.string(),
  recipe: distillRecipe,
  settings,
  distillSeeds: list(count),
  /** What a pair is: a distillation where there are several, else a fine-tuning. */
  pairedBy: z.enum(["distillation seed", "fine-tuning seed"]),
  tasks: list(taskEntry),
  variants: list(variant),
});

const measuredRow = z.object({
  name: z.string(),
  kind: z.enum(["model", "shape"]),
  runtime: z.enum(["libtorch", "onnx"]),
  /** Of the encoder, with its pooler where it has one. */
  parameters: count,
  hasPooler: z.boolean(),
  /** Of the files of its weights, heads included; of a shape, what its parameters take in f32. */
  bytes: z.number(),
  bytesAre: z.enum(["on disk", "in f32"]),
  tokens: z.enum(["word pieces", "words"]),
  tokensPerPair: z.number(),
  /** Pairs that were cut to fit the position table. */
  cutPairs: count,
  /** By the clock, of the pairs that were measured. */
  seconds: z.number(),
  /** Of all pairs: `seconds`, or from it in proportion where `isExtrapolated`. */
  allSeconds: z.number(),
  isExtrapolated: z.boolean(),
  /** That this process got of the processor meanwhile, all threads together. */
  cpuSeconds: z.number(),
  /** Of a pair. */
  p50Ms: z.number(),
  p95Ms: z.number(),
  /** Of full batches, at the median pass; null where none was run. */
  tokensPerSecond: z.number().nullable(),
  /** To the first row. */
  secondsRatio: z.number(),
  cpuSecondsRatio: z.number(),
  parametersRatio: z.number(),
  paper: z.object({ name: z.string(), parameters: z.number(), seconds: z.number() }).nullable(),
});
export type MeasuredRow = z.infer<typeof measuredRow>;

const measure = z.object({
  ...head,
  kind: z.literal("measure"),
  rows: list(measuredRow),
  pairs: z.object({ source: z.enum(["STS-B", "made up"]), path: z.string().nullable(), measured: count, all: count }),
  method: z.object({
    batchSize: z.literal(1),
    turnPairs: count,
    warmUpPasses: count,
    batch: z.object({ B: count, S: count, passes: count }),
  }),
  notes: list(z.string()),
  /** Whose word pieces shapes read; null where none does. */
  shapeTokenizer: z.object({ name: z.string(), pieces: count }).nullable(),
  environment: z.object({
    model: z.string(),
    cores: count,
    instructionSets: list(z.string()),
    loadAverage: z.number(),
    threads: count,
    precision: z.enum(["float32", "bfloat16"]),
    torchVersion: z.string(),
    onnxRuntime: z.string().nullable(),
    /** "wheel", "cuda" or "custom" */
    engine: z.string(),
    /** What libtorch's own kernels use: "AVX512", "AVX2", … */
    kernels: z.string(),
    node: z.string(),
  }),
});

const evaluate = z.object({
  ...head,
  kind: z.literal("evaluate"),
  model: z.string(),
  task: z.string(),
  results: list(
    z.object({
      split: z.string(),
      exampleCount: count,
      skipped: count,
      metrics: z.record(z.string(), z.number()),
      details: z.record(z.string(), z.number()),
      /** Null where labels are hidden. */
      loss: z.number().nullable(),
    }),
  ),
});

const demo = z.object({
  ...head,
  kind: z.literal("demo"),
  run: z.string(),
  student: z.string(),
  steps: count,
  models: list(
    z.object({
      name: z.enum(["teacher", "student before", "student after", "control"]),
      layers: count,
      parameters: count,
      /** Of the weights in f32, whatever they are kept in: to compare like with like. */
      bytes: count,
      cpuMsPerSentence: z.number(),
      heldOut: z.looseObject({ loss: z.number(), accuracy: z.number() }),
    }),
  ),
  /** The student's accuracy over the teacher's; null where the teacher is never right. */
  accuracyKept: z.number().nullable(),
  filled: list(z.object({ text: z.string(), teacher: list(z.string()), student: list(z.string()) })),
});

const report = z.discriminatedUnion("kind", [finetune, finetuneSeeds, glue, ablate, measure, evaluate, demo]);
/** What a command came to: report.json, and what --json prints. */
export type Report = z.infer<typeof report>;
export type ReportOf<K extends Report["kind"]> = Extract<Report, { kind: K }>;

/** What a report of what has just ended begins with: its one time stamp. */
export function reportHead({ command, seeds }: { command: string | null | undefined; seeds: readonly number[] }) {
  const provenance = { version: packageVersion(), command: command ?? null, date: new Date().toISOString() };
  return { schemaVersion: REPORT_SCHEMA_VERSION, seeds, provenance } as const;
}

export function reportedTaskOf(task: Task): ReportedTask {
  const { name, title, kind, metrics, score, evaluationSplits } = task;
  const hasUnanswerable = "hasUnanswerable" in task && task.hasUnanswerable;
  return { name, title, kind, metrics, score, evaluationSplits, hasUnanswerable };
}

export function hasReport(folder: string): boolean {
  return existsSync(join(folder, REPORT_FILE));
}

/**
 * Writes report.json into a folder, whole or not at all.
 *
 * @throws StorageError when the disk is full
 */
export function writeReport(folder: string, content: Report): void {
  replaceText(join(folder, REPORT_FILE), formatJson(content));
}

/**
 * Reads a folder's report.json.
 *
 * @throws FormatError when it is missing or damaged, of another kind, or of another version of the schema
 */
export function readReport<K extends Report["kind"]>(folder: string, kind: K): ReportOf<K> {
  const path = join(folder, REPORT_FILE);
  const repeat = `Delete ${folder} to repeat it.`;
  const json = readJsonObject(path, `the report of ${kind}`);
  if (json.schemaVersion !== REPORT_SCHEMA_VERSION) {
    const got = json.schemaVersion === undefined ? "none: an earlier Limbeck wrote it" : String(json.schemaVersion);
    throw new FormatError(path, `expected schemaVersion ${REPORT_SCHEMA_VERSION}, got ${got}. ${repeat}`);
  }
  if (json.kind !== kind) {
    throw new FormatError(path, `expected the report of ${kind}, got that of ${json.kind}. Give another folder.`);
  }
  return parseJson(path, json, report, repeat) as ReportOf<K>;
}
