import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJsonObject } from "../checkpoint/json-file.js";
import { openRun } from "../checkpoint/run.js";
import { ConfigError } from "../errors.js";
import { type FinetuneOptions, finetune, REPORT_FILE } from "./finetune.js";
import type { FinetuneRecipe } from "./recipe.js";
import type { FinetuneResult } from "./result.js";

/**
 * Fine-tunes with one seed after another, each in a run directory of its own: OUT/seed-1 and so on.
 *
 * With `resume`, runs that are finished are not repeated, and one that is not goes on.
 *
 * @throws ConfigError when a finished run is another recipe's, model's, teacher's or task's
 */
export async function finetuneSeeds(
  options: FinetuneOptions,
  { seeds, onRun }: { seeds: readonly number[]; onRun(out: string): void },
): Promise<FinetuneResult[]> {
  const results: FinetuneResult[] = [];
  for (const seed of seeds) {
    const out = join(options.out, `seed-${seed}`);
    const recipe = { ...options.recipe, seed };
    onRun(out);
    const isFinished = options.resume && existsSync(join(out, REPORT_FILE));
    results.push(isFinished ? finished(out, options, recipe) : await finetune({ ...options, out, recipe }));
  }
  return results;
}

/** What a finished run came to, if it is the one that is asked for: figures of two recipes have no median. */
function finished(out: string, { model, teacher, data }: FinetuneOptions, recipe: FinetuneRecipe): FinetuneResult {
  openRun(out, recipe).close();
  const path = join(out, REPORT_FILE);
  const report = readJsonObject(path, "a run's report");
  for (const [key, expected] of Object.entries({ model, teacher, task: data.task.name })) {
    if (report[key] === expected) continue;
    throw new ConfigError(`${path}: expected ${key} ${expected}, got ${report[key]}. Give the same, or another --out.`);
  }
  // As finetune wrote it, but that its `model` is the one it started from.
  return { ...(report as unknown as FinetuneResult), model: join(out, "model") };
}
