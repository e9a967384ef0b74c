import { dirname, join } from "node:path";
import { strToU8, zipSync } from "fflate";
import { ConfigError } from "../errors.js";
import type { LabelledKind } from "../kinds/kinds.js";
import type { Split, Task, Tasks } from "../kinds/task.js";
import { replaceFile, replaceText } from "../storage/atomic-files.js";
import { makeFolder } from "../storage/disk.js";
import { formatJson } from "../storage/json-file.js";
import type { Judgement } from "./prepared.js";
import { GLUE_TASKS } from "./texts/glue-layouts.js";

/** What a model says of a test set of GLUE. */
export interface GluePredictions {
  /** The task's name: "cola"; "ax" is the diagnostic set, which a model for MNLI answers. */
  readonly task: string;
  readonly split: Split;
  /** In the order of the test set: its ids, and the index of a label or a score for each. */
  readonly rows: readonly { readonly id: string; readonly value: number }[];
}

/** What a submission holds. */
interface GlueSubmission {
  readonly zip: Uint8Array;
  /** Files that the benchmark's server wants and nobody gave. */
  readonly missing: readonly string[];
}

/** Zip files keep the time: a fixed one gives the same bytes for the same predictions. */
const ZIP_TIME = new Date(1980, 0, 1);

/**
 * The files of a submission, after gluebenchmark.com/faq; the diagnostic set (AX) may be left out.
 */
const SUBMISSION_FILES: readonly (readonly [file: string, task: string, split: Split])[] = [
  ["CoLA.tsv", "cola", "test"],
  ["SST-2.tsv", "sst2", "test"],
  ["MRPC.tsv", "mrpc", "test"],
  ["STS-B.tsv", "stsb", "test"],
  ["QQP.tsv", "qqp", "test"],
  ["MNLI-m.tsv", "mnli", "test_matched"],
  ["MNLI-mm.tsv", "mnli", "test_mismatched"],
  ["QNLI.tsv", "qnli", "test"],
  ["RTE.tsv", "rte", "test"],
  ["WNLI.tsv", "wnli", "test"],
  ["AX.tsv", "ax", "test"],
];

/**
 * A GLUE submission: a zip of one file for each test set, with the columns index and prediction.
 *
 * @throws ConfigError for a task or split that no submission has, or a value that is no label of it
 */
export function glueSubmission(predictions: readonly GluePredictions[]): GlueSubmission {
  const given = new Map(predictions.map((prediction) => [submissionFile(prediction), prediction]));
  if (given.size < predictions.length)
    throw new ConfigError("a GLUE submission has one set of predictions for a test set.");
  const files = SUBMISSION_FILES.flatMap(([file]) => {
    const prediction = given.get(file);
    return prediction === undefined ? [] : [[file, strToU8(submissionText(prediction))] as const];
  });
  const missing = SUBMISSION_FILES.map(([file]) => file).filter((file) => file !== "AX.tsv" && !given.has(file));
  return { zip: zipSync(Object.fromEntries(files), { mtime: ZIP_TIME }), missing };
}

/**
 * Writes a GLUE submission, and says which files the benchmark's server will miss in it.
 *
 * @throws StorageError when it cannot be written
 */
export function writeGlueSubmission(path: string, predictions: readonly GluePredictions[]): readonly string[] {
  const { zip, missing } = glueSubmission(predictions);
  makeFolder(dirname(path));
  replaceFile(path, [zip]);
  return missing;
}

/** What a model answers to SQuAD's questions. */
export interface SquadPredictions {
  /** The text for each question's id; "" says that the passage does not answer. */
  readonly answers: ReadonlyMap<string, string>;
  /** For SQuAD 2.0: how much more likely no answer is than the best one, by id; null for SQuAD 1.1. */
  readonly nullOdds: ReadonlyMap<string, number> | null;
}

/**
 * Writes predictions.json, and null_odds.json for SQuAD 2.0: what the official script takes as its predictions and as
 * --na-prob-file.
 *
 * @throws ConfigError for odds that are not finite
 * @throws StorageError when they cannot be written
 */
export function writeSquadPredictions(folder: string, { answers, nullOdds }: SquadPredictions): void {
  makeFolder(folder);
  replaceText(join(folder, "predictions.json"), formatJson(Object.fromEntries(answers)));
  if (nullOdds !== null) replaceText(join(folder, "null_odds.json"), formatJson(Object.fromEntries(nullOdds)));
}

/** What a model says of a split. */
type SplitPredictions = Pick<Judgement, "predictions" | "nullOdds"> & { readonly split: Split };

type Writer<T> = (folder: string, task: T, said: SplitPredictions) => void;

const WRITERS: { readonly [K in LabelledKind]: Writer<Tasks[K]> } = {
  classification: (folder, { labels }, said) => writeTable(folder, said, (value) => String(labels[value])),
  regression: (folder, _task, said) => writeTable(folder, said, (value) => value.toFixed(4)),
  "question-answering": (folder, { hasUnanswerable }, { predictions, nullOdds }) => {
    const answers = new Map(predictions.map(({ id, value }) => [id, String(value)]));
    writeSquadPredictions(folder, { answers, nullOdds: hasUnanswerable ? nullOdds : null });
  },
};

/**
 * Writes what a model says of a split: predictions-SPLIT.tsv, labels by their names, or what SQuAD's script takes.
 *
 * @throws StorageError when it cannot be written
 */
export function writePredictions(folder: string, task: Task, said: SplitPredictions): void {
  const write = WRITERS[task.kind] as Writer<Task>; // It is of its kind.
  write(folder, task, said);
}

function writeTable(folder: string, { split, predictions }: SplitPredictions, word: (value: number) => string): void {
  const lines = predictions.map(({ id, value }) => `${id}\t${word(Number(value))}`);
  makeFolder(folder);
  replaceText(join(folder, `predictions-${split}.tsv`), `${["id\tprediction", ...lines].join("\n")}\n`);
}

function submissionFile({ task, split }: GluePredictions): string {
  const found = SUBMISSION_FILES.find(([, name, ofSplit]) => name === task && ofSplit === split);
  if (found !== undefined) return found[0];
  throw new ConfigError(`a GLUE submission has no file for the ${split} split of ${task}: it takes the test sets.`);
}

function submissionText({ task, rows }: GluePredictions): string {
  const words = GLUE_TASKS.find((glue) => glue.task.name === (task === "ax" ? "mnli" : task))?.words ?? null;
  const lines = rows.map(({ id, value }) => `${id}\t${written(value, words, task, id)}`);
  return `${["index\tprediction", ...lines].join("\n")}\n`;
}

/** Scores are cut to what STS-B's raters could give. */
function written(value: number, words: readonly string[] | null, task: string, id: string): string {
  const text = words === null ? Math.min(5, Math.max(0, value)).toFixed(3) : words[value];
  if (text !== undefined && text !== "NaN") return text;
  throw new ConfigError(
    `${task}: the prediction of row ${id} is ${value}: expected ${words?.join(", ") ?? "a score"}.`,
  );
}
