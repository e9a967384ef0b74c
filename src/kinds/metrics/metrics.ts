import { ConfigError, ShapeError } from "../../errors.js";
import { mean } from "../../numbers.js";

/** A figure by its name in reports; shares all, SQuAD's too: in [−1, 1] or [0, 1]. Tables show them times 100. */
export type MetricName = "accuracy" | "f1" | "matthews" | "pearson" | "spearman" | "exactMatch" | "squadF1";

type TextMetric = (predictions: ArrayLike<number>, labels: ArrayLike<number>) => number;

const TEXT_METRICS: Partial<Readonly<Record<MetricName, TextMetric>>> = { accuracy, f1, matthews, pearson, spearman };

/**
 * Figures of a classification or regression, over rows of which there is at least one.
 *
 * @throws ShapeError when there are not as many predictions as labels
 * @throws ConfigError for a figure that is only of answers
 */
export function textMetrics(
  names: readonly MetricName[],
  predictions: ArrayLike<number>,
  labels: ArrayLike<number>,
): Partial<Record<MetricName, number>> {
  if (predictions.length !== labels.length || labels.length === 0) {
    throw new ShapeError(
      `metrics: expected a prediction for each label, got ${predictions.length} for ${labels.length}.`,
    );
  }
  return Object.fromEntries(names.map((name) => [name, textMetric(name)(predictions, labels)]));
}

function textMetric(name: MetricName): TextMetric {
  const metric = TEXT_METRICS[name];
  if (metric === undefined)
    throw new ConfigError(`${name} is a figure of answers to questions, not of labels or scores.`);
  return metric;
}

/** The mean of what a task is scored by. */
export function scoreOf(
  { score }: { readonly score: readonly MetricName[] },
  metrics: Partial<Record<MetricName, number>>,
): number {
  return mean(score.map((name) => metrics[name] ?? Number.NaN));
}

/** Share of the rows whose label was found. */
export function accuracy(predictions: ArrayLike<number>, labels: ArrayLike<number>): number {
  return count(predictions, (prediction, i) => prediction === labels[i]) / labels.length;
}

/** Harmonic mean of precision and recall of label 1; 0 where there is neither, as scikit-learn has it. */
export function f1(predictions: ArrayLike<number>, labels: ArrayLike<number>): number {
  const hits = count(predictions, (prediction, i) => prediction === 1 && labels[i] === 1);
  const positives = count(predictions, (prediction) => prediction === 1) + count(labels, (label) => label === 1);
  return positives === 0 ? 0 : (2 * hits) / positives;
}

/**
 * Matthews correlation of any number of labels; 0 where predictions or labels are constant, as scikit-learn has it.
 *
 * Source: Gorodkin 2004.
 */
export function matthews(predictions: ArrayLike<number>, labels: ArrayLike<number>): number {
  const N = labels.length;
  const correct = count(predictions, (prediction, i) => prediction === labels[i]);
  const [predicted, actual] = [countsOf(predictions), countsOf(labels)];
  const dot = (a: Map<number, number>, b: Map<number, number>) =>
    [...a].reduce((sum, [label, n]) => sum + n * (b.get(label) ?? 0), 0);
  const covariance = correct * N - dot(predicted, actual);
  const variance = (N * N - dot(predicted, predicted)) * (N * N - dot(actual, actual));
  return variance === 0 ? 0 : covariance / Math.sqrt(variance);
}

/**
 * Linear correlation; NaN where a value is.
 *
 * 0 where one side is constant, a single row too: nothing goes with anything, and a median over seeds must not be lost
 * for it. SciPy says NaN.
 */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [x, y] = [centred(a), centred(b)];
  const product = x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
  const squares = (values: Float64Array) => values.reduce((sum, value) => sum + value * value, 0);
  const size = Math.sqrt(squares(x) * squares(y));
  return size === 0 ? 0 : Math.max(-1, Math.min(1, product / size));
}

/** Linear correlation of ranks, ties sharing their mean rank; NaN and 0 as in `pearson`. */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return pearson(ranks(a), ranks(b));
}

/** 1 for the smallest; equal values share the mean of their ranks; NaN has none, nor has what it is compared with. */
function ranks(values: ArrayLike<number>): Float64Array {
  if (Array.from(values).some(Number.isNaN)) return new Float64Array(values.length).fill(Number.NaN);
  const order = Array.from(values, (_, i) => i).sort((i, j) => (values[i] ?? 0) - (values[j] ?? 0));
  const result = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end] ?? 0] === values[order[start] ?? 0]) end++;
    for (let at = start; at < end; at++) result[order[at] ?? 0] = (start + 1 + end) / 2;
    start = end;
  }
  return result;
}

/** A constant gives exact zeros, whatever its mean rounds to. */
function centred(values: ArrayLike<number>): Float64Array {
  const all = Float64Array.from(values);
  if (all.every((value) => value === all[0])) return new Float64Array(all.length);
  const middle = all.reduce((sum, value) => sum + value, 0) / all.length;
  return all.map((value) => value - middle);
}

function count(values: ArrayLike<number>, isCounted: (value: number, index: number) => boolean): number {
  return Array.from(values).filter(isCounted).length;
}

function countsOf(values: ArrayLike<number>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const value of Array.from(values)) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
