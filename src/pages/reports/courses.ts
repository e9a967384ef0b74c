import { existsSync } from "node:fs";
import { join } from "node:path";
import { inPoints } from "../../experiments/task-runs.js";
import { type MetricsRecord, readMetrics } from "../../runs/metrics-log.js";
import type { Block, CurveChart } from "../document.js";

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

/** Charts over the steps, as one block; a line needs two points, a chart a line, and the block a chart. */
export function courseBlocks(
  title: string,
  given: readonly (Pick<CurveChart, "title" | "yLabel" | "series"> & { readonly description?: string })[],
): Block[] {
  const charts = given.flatMap(({ title, yLabel, series, description = `${title}, by optimizer step.` }) => {
    const drawn = series.filter(({ points }) => points.length > 1);
    return drawn.length === 0 ? [] : [{ title, description, xLabel: "step", yLabel, series: drawn }];
  });
  return charts.length === 0 ? [] : [{ kind: "curves", title, charts }];
}
