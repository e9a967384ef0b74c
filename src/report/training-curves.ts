import { existsSync } from "node:fs";
import { join } from "node:path";
import { readMetrics } from "../checkpoint/metrics.js";

type Point = readonly [step: number, value: number];

/** A figure of a run's metrics.jsonl over the steps; empty where the run has none. */
export function curveOf(run: string, key: string): Point[] {
  const path = join(run, "metrics.jsonl");
  if (!existsSync(path)) return [];
  return readMetrics(path).flatMap((record): Point[] => {
    const value = record[key];
    return typeof value === "number" ? [[record.step, value]] : [];
  });
}
