import type { MetricName } from "../../kinds/metrics/metrics.js";
import type { Split, TextTask } from "../../kinds/task.js";
import { scores, wordLabels } from "./labels.js";
import type { TextLayout } from "./text-folder.js";

/** One task of GLUE: where it is, and how a submission writes it. */
export interface GlueTask extends TextLayout {
  readonly task: TextTask;
  /** What files and submissions write for each label, in the order of indices; null for scores. */
  readonly words: readonly string[] | null;
}

interface Entry {
  readonly name: string;
  readonly title: string;
  readonly metrics: readonly MetricName[];
  /** Names of the labels in the order of the Hub's indices; null for scores. */
  readonly labels: readonly string[] | null;
  /** What TSV files write for them, where that is something else. */
  readonly words?: readonly string[];
  /** Columns of texts, label and id in TSV, and of texts in the Hub's Parquet where they are called something else. */
  readonly texts: readonly [string] | readonly [string, string];
  readonly label: string;
  readonly id: string;
  readonly hubTexts?: readonly [string, string];
}

const ENTAILMENT_FIRST = ["entailment", "not_entailment"];
const BITS = ["0", "1"];

/**
 * The nine tasks in the paper's order. Source: gluebenchmark.com's downloads for the TSV files, and nyu-mll/glue on the
 * Hub for the names and order of labels.
 */
const ENTRIES: readonly Entry[] = [
  {
    name: "cola",
    title: "CoLA",
    metrics: ["matthews"],
    labels: ["unacceptable", "acceptable"],
    words: BITS,
    texts: ["sentence"],
    label: "label",
    id: "index",
  },
  {
    name: "mnli",
    title: "MNLI",
    metrics: ["accuracy"],
    labels: ["entailment", "neutral", "contradiction"],
    texts: ["sentence1", "sentence2"],
    label: "gold_label",
    id: "index",
    hubTexts: ["premise", "hypothesis"],
  },
  {
    name: "mrpc",
    title: "MRPC",
    metrics: ["accuracy", "f1"],
    labels: ["not_equivalent", "equivalent"],
    words: BITS,
    texts: ["#1 String", "#2 String"],
    label: "Quality",
    id: "index",
    hubTexts: ["sentence1", "sentence2"],
  },
  {
    name: "qnli",
    title: "QNLI",
    metrics: ["accuracy"],
    labels: ENTAILMENT_FIRST,
    texts: ["question", "sentence"],
    label: "label",
    id: "index",
  },
  {
    name: "qqp",
    title: "QQP",
    metrics: ["accuracy", "f1"],
    labels: ["not_duplicate", "duplicate"],
    words: BITS,
    texts: ["question1", "question2"],
    label: "is_duplicate",
    id: "id",
  },
  {
    name: "rte",
    title: "RTE",
    metrics: ["accuracy"],
    labels: ENTAILMENT_FIRST,
    texts: ["sentence1", "sentence2"],
    label: "label",
    id: "index",
  },
  {
    name: "sst2",
    title: "SST-2",
    metrics: ["accuracy"],
    labels: ["negative", "positive"],
    words: BITS,
    texts: ["sentence"],
    label: "label",
    id: "index",
  },
  {
    name: "stsb",
    title: "STS-B",
    metrics: ["pearson", "spearman"],
    labels: null,
    texts: ["sentence1", "sentence2"],
    label: "score",
    id: "index",
  },
  {
    name: "wnli",
    title: "WNLI",
    metrics: ["accuracy"],
    labels: ["not_entailment", "entailment"],
    words: BITS,
    texts: ["sentence1", "sentence2"],
    label: "label",
    id: "index",
  },
];

const FILES: TextLayout["files"] = { train: ["train.tsv"], validation: ["dev.tsv"], test: ["test.tsv"] };
const MNLI_FILES: TextLayout["files"] = {
  train: ["train.tsv"],
  validation_matched: ["dev_matched.tsv"],
  validation_mismatched: ["dev_mismatched.tsv"],
  test_matched: ["test_matched.tsv"],
  test_mismatched: ["test_mismatched.tsv"],
};
/** MRPC's own distribution, which calls its files otherwise and has no dev set. */
const MRPC_FILES: TextLayout["files"] = {
  train: ["train.tsv", "msr_paraphrase_train.txt"],
  validation: ["dev.tsv"],
  test: ["test.tsv", "msr_paraphrase_test.txt"],
};

/** CoLA's training and dev sets name no columns; its test set does. */
const COLA_HEADER = ["source", "label", "mark", "sentence"];

/** GLUE's tasks, in the order of the paper's Table 1. */
export const GLUE_TASKS: readonly GlueTask[] = ENTRIES.map(glueTask);

function glueTask(entry: Entry): GlueTask {
  const { name, title, metrics, texts, label, id, hubTexts = texts } = entry;
  const files = name === "mnli" ? MNLI_FILES : name === "mrpc" ? MRPC_FILES : FILES;
  const evaluationSplits = (Object.keys(files) as Split[]).filter((split) => split.startsWith("validation"));
  const shared = { name, title, metrics, score: metrics, evaluationSplits, isPair: texts.length === 2 };
  const range: readonly [number, number] = [0, 5];
  const words = entry.words ?? entry.labels;
  return {
    task:
      entry.labels === null
        ? { ...shared, kind: "regression", range }
        : { ...shared, kind: "classification", labels: entry.labels },
    folders: [title],
    files,
    hasHiddenTest: true,
    own: {
      columns: { first: texts[0], second: texts[1] ?? null, label, id },
      label: words === null ? scores(range) : wordLabels(words),
      header: name === "cola" ? { train: COLA_HEADER, validation: COLA_HEADER } : {},
    },
    hub: { columns: { first: hubTexts[0], second: hubTexts[1] ?? null, label: "label", id: "idx" } },
    words,
  };
}
