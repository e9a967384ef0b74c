import { mean, median } from "../numbers.js";
import type { PairedDifference, Spread } from "../runs/report.js";

/** @param values at least one */
export function spreadOf(values: readonly number[]): Spread {
  return {
    count: values.length,
    median: median(values),
    mean: mean(values),
    deviation: sampleDeviation(values),
    least: Math.min(...values),
    most: Math.max(...values),
  };
}

/**
 * Differences seed by seed: what two runs share by their seed (the order of the data, the noise) cancels.
 *
 * @param values   by seed, at least one
 * @param baseline by the same seeds
 */
export function pairedDifference(values: readonly number[], baseline: readonly number[]): PairedDifference {
  if (values.length !== baseline.length) throw new RangeError("pairs need as many values as there are in the baseline");
  const differences = values.map((value, i) => value - (baseline[i] ?? Number.NaN));
  const deviation = sampleDeviation(differences);
  const middle = mean(differences);
  return {
    count: differences.length,
    mean: middle,
    deviation,
    standardError: deviation === null ? null : deviation / Math.sqrt(differences.length),
    isWithinNoise: deviation === null ? null : Math.abs(middle) <= deviation,
  };
}

/** The index of the value that is the median, or of the lower of the two in the middle. */
export function medianIndex(values: readonly number[]): number {
  const order = values.map((_, i) => i).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  return order[(order.length - 1) >> 1] ?? 0;
}

function sampleDeviation(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}
