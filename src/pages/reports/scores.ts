import { spreadOf } from "../../experiments/statistics.js";
import { inPoints } from "../../experiments/task-runs.js";
import type { MetricName } from "../../kinds/metrics/metrics.js";
import type { Split } from "../../kinds/task.js";
import { ABSENT, fixed, listed, plusMinus } from "../../quantities.js";
import type { ReportedTask, ReportOf } from "../../runs/report.js";
import type { Cell } from "../table.js";
import { recordsOf } from "./courses.js";

// Tasks, scores and figures as tables and sentences name them.

const METRIC_TITLES: Readonly<Record<MetricName, string>> = {
  accuracy: "accuracy",
  f1: "F1",
  matthews: "Matthews correlation",
  pearson: "Pearson correlation",
  spearman: "Spearman correlation",
  exactMatch: "exact match",
  squadF1: "F1",
};

function metricTitle(metric: string): string {
  return Object.hasOwn(METRIC_TITLES, metric) ? METRIC_TITLES[metric as MetricName] : metric;
}

const SPLIT_TITLES: Partial<Readonly<Record<Split, string>>> = {
  validation: "",
  test: "",
  validation_matched: "matched",
  validation_mismatched: "mismatched",
};

function splitTitle(split: string): string {
  return SPLIT_TITLES[split as Split] ?? split;
}

/** "F1", "accuracy, matched". */
export function figureTitle(metric: string, split: string): string {
  return [metricTitle(metric), splitTitle(split)].filter((word) => word !== "").join(", ");
}

/** "mean of accuracy and F1", "accuracy, mean of matched and mismatched": what a task's score is. */
export function scoreWords({ score, evaluationSplits }: ReportedTask): string {
  const titles = score.map(metricTitle);
  const metric = titles.length === 1 ? (titles[0] ?? "") : `mean of ${listed(titles)}`;
  if (evaluationSplits.length === 1) return metric;
  return `${metric}, mean of ${listed(evaluationSplits.map(splitTitle))}`;
}

/** "accuracy for QNLI, RTE and SST-2; Matthews correlation for CoLA": what the scores of several tasks are. */
export function scoresWords(tasks: readonly ReportedTask[]): string {
  const titles = new Map<string, string[]>();
  for (const task of tasks) titles.set(scoreWords(task), [...(titles.get(scoreWords(task)) ?? []), task.title]);
  return [...titles].map(([words, of]) => `${words} for ${listed(of)}`).join("; ");
}

type Entry = ReportOf<"glue">["tasks"][number];

/** The tasks of which there is data. */
export function presentTasks(tasks: readonly Entry[]): ReportedTask[] {
  return tasks.flatMap(({ task }) => task ?? []);
}

/** "MRPC (no folder) and QQP (no train.tsv)"; empty where all are there. */
export function missingWords(tasks: readonly Entry[]): string {
  return listed(tasks.flatMap(({ title, missing }) => (missing === null ? [] : [`${title} (${missing})`])));
}

/** A result's figure, in points. */
interface Figure {
  /** "F1", "accuracy, matched". */
  readonly title: string;
  readonly value: number;
}

/** What was evaluated in the end, in the order of the report. */
export function resultFigures({ metrics }: Pick<ReportOf<"finetune">, "metrics">): Figure[] {
  return Object.entries(metrics).flatMap(([split, named]) =>
    Object.entries(named).map(([name, value]) => ({
      title: figureTitle(name, split),
      value: inPoints(value),
    })),
  );
}

/** Median, mean ± deviation, least and most. */
export function spreadCells(values: readonly number[]): Cell[] {
  if (values.length === 0) return [ABSENT, ABSENT, ABSENT, ABSENT];
  const { median, mean, deviation, least, most } = spreadOf(values);
  const middle = { text: fixed(mean, 1), detail: plusMinus(deviation, 1) };
  return [fixed(median, 1), middle, fixed(least, 1), fixed(most, 1)];
}

/** "Accuracy". */
export function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** An evaluation's figures in metrics.jsonl, beside its loss and the score that they make. */
const FIGURE = /^heldOut(?!Loss$|Score$)(?<name>.+?)(?<set>Matched|Mismatched)?$/;

/** The figures of a run's evaluations by their keys in metrics.jsonl, and as tables say them. */
export function evaluatedFigures(run: string): { key: string; title: string }[] {
  const keys = new Set(recordsOf(run).flatMap((record) => Object.keys(record)));
  return [...keys].flatMap((key) => {
    const { name, set } = FIGURE.exec(key)?.groups ?? {};
    if (name === undefined) return [];
    const title = metricTitle(name.charAt(0).toLowerCase() + name.slice(1));
    return [{ key, title: set === undefined ? title : `${title}, ${set.toLowerCase()}` }];
  });
}
