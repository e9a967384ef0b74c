import { existsSync } from "node:fs";
import { join } from "node:path";
import { type MetricsRecord, readMetrics } from "../runs/metrics-log.js";

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
