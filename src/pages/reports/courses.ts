import { existsSync } from "node:fs";
import { join } from "node:path";
import { inPoints } from "../../experiments/task-runs.js";
import { type MetricsRecord, readMetrics } from "../../runs/metrics-log.js";
import type { CurveChart } from "../document.js";

// The course of a training, as its metrics.jsonl tells it.

type Point = readonly [step: number, value: number];

/** A run's metrics.jsonl; empty where the run has none. */
export function recordsOf(run: string): MetricsRecord[] {
  const path = join(run, "metrics.jsonl");
  return existsSync(path) ? readMetrics(path) : [];
}

/** A figure of a run's metrics.jsonl over the steps; empty where the run has none. */
export function curveOf(run: string, key: string): Point[] {
  return recordsOf(run).flatMap((record): Point[] => {
    const value = record[key];
    return typeof value === "number" ? [[record.step, value]] : [];
  });
}

/** A figure over the steps, in points. */
export function figureCurve(run: string, key: string): Point[] {
  return curveOf(run, key).map(([step, value]) => [step, inPoints(value)] as const);
}

/** Charts over the steps; a line needs two points, and a chart a line. */
export function stepCharts(
  charts: readonly (Pick<CurveChart, "title" | "yLabel"> & { readonly series: CurveChart["series"] })[],
): CurveChart[] {
  return charts.flatMap(({ title, yLabel, series }) => {
    const drawn = series.filter(({ points }) => points.length > 1);
    const description = `${title}, by optimizer step.`;
    return drawn.length === 0 ? [] : [{ title, description, xLabel: "step", yLabel, series: drawn }];
  });
}
