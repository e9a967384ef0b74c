import { rmSync } from "node:fs";
import { join } from "node:path";
import { finetune } from "./finetune.js";
import type { Finetuning } from "./finetune-options.js";
import type { FinetuneResult } from "./result.js";
import { finishedRun } from "./run-report.js";

export interface SeedOptions {
  readonly seeds: readonly number[];
  /** Whether every run keeps its model; else the best alone. */
  readonly keepModels: boolean;
  onRun(out: string): void;
}

/**
 * Fine-tunes with one seed after another, each in a run directory of its own: OUT/seed-1 and so on.
 *
 * With `resume`, runs that are finished are not repeated, and one that is not goes on.
 *
 * @throws ConfigError when a finished run is another recipe's, model's, teacher's or task's
 */
export async function finetuneSeeds(
  options: Finetuning,
  { seeds, keepModels, onRun }: SeedOptions,
): Promise<FinetuneResult[]> {
  const results: FinetuneResult[] = [];
  for (const seed of seeds) {
    const run = { ...options, out: join(options.out, `seed-${seed}`), recipe: { ...options.recipe, seed } };
    onRun(run.out);
    results.push((options.resume ? finishedRun(run) : null) ?? (await finetune(run)));
    if (!keepModels) keepBestModel(results);
  }
  return results;
}

/** The run of the highest score, the first of several; null of none. */
export function bestRun<R extends { readonly score: number }>(runs: readonly R[]): R | null {
  return runs.reduce<R | null>((best, run) => (best === null || run.score > best.score ? run : best), null);
}

/** Removes the models of all finished runs but the best: it is complete by then, so that being cut short loses nothing. */
export function keepBestModel(runs: readonly { readonly run: string; readonly score: number }[]): void {
  const best = bestRun(runs);
  for (const { run } of runs) if (run !== best?.run) removeModel(run);
}

/** Removes a run's model; its figures stay. */
export function removeModel(run: string): void {
  rmSync(join(run, "model"), { recursive: true, force: true });
}
