import type { MetricName } from "../../kinds/metrics/metrics.js";
import type { Split, Task } from "../../kinds/task.js";
import { listed } from "../../quantities.js";

const METRIC_TITLES: Readonly<Record<MetricName, string>> = {
  accuracy: "accuracy",
  f1: "F1",
  matthews: "Matthews correlation",
  pearson: "Pearson correlation",
  spearman: "Spearman correlation",
  exactMatch: "exact match",
  squadF1: "F1",
};

export function metricTitle(metric: string): string {
  return Object.hasOwn(METRIC_TITLES, metric) ? METRIC_TITLES[metric as MetricName] : metric;
}

const SPLIT_TITLES: Partial<Readonly<Record<Split, string>>> = {
  validation: "",
  test: "",
  validation_matched: "matched",
  validation_mismatched: "mismatched",
};

export function splitTitle(split: string): string {
  return SPLIT_TITLES[split as Split] ?? split;
}

/** "mean of accuracy and F1", "accuracy, mean of matched and mismatched": what a task's score is. */
export function scoreWords({ score, evaluationSplits }: Task): string {
  const titles = score.map(metricTitle);
  const metric = titles.length === 1 ? (titles[0] ?? "") : `mean of ${listed(titles)}`;
  if (evaluationSplits.length === 1) return metric;
  return `${metric}, mean of ${listed(evaluationSplits.map(splitTitle))}`;
}

/** "accuracy for QNLI, RTE and SST-2; Matthews correlation for CoLA": what the scores of several tasks are. */
export function scoresWords(tasks: readonly Task[]): string {
  const titles = new Map<string, string[]>();
  for (const task of tasks) titles.set(scoreWords(task), [...(titles.get(scoreWords(task)) ?? []), task.title]);
  return [...titles].map(([words, of]) => `${words} for ${listed(of)}`).join("; ");
}
