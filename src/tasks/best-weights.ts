import { join } from "node:path";
import { loadWeights, parameterEntries } from "../hub/model-loading.js";
import { openSafetensors, writeSafetensors } from "../hub/safetensors.js";
import type { TaskModel } from "../hub/task-model.js";
import { readMetrics } from "../runs/metrics-log.js";
import type { Run } from "../runs/run.js";

/** Weights of the best evaluation so far, in the run directory. */
export const BEST_FILE = "best.safetensors";

/** Writes the weights aside, and says so, where no evaluation before was as good. */
export function keepIfBest(run: Run, model: TaskModel, { step, score }: { step: number; score: number }): boolean {
  const before = readMetrics(run.metricsPath).flatMap(({ heldOutScore }) => heldOutScore ?? []);
  if (before.some((other) => typeof other === "number" && other >= score)) return false;
  writeSafetensors(join(run.directory, BEST_FILE), parameterEntries(model), { step: String(step) });
  return true;
}

/** @returns the step of the weights that were put back */
export function restoreBest(run: Run, model: TaskModel): number {
  using best = openSafetensors(join(run.directory, BEST_FILE));
  loadWeights(model, best);
  return Number(best.metadata.step);
}
