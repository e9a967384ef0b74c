import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJsonObject } from "../checkpoint/json-file.js";
import { type FinetuneOptions, finetune, REPORT_FILE } from "./finetune.js";
import type { FinetuneResult } from "./result.js";

/**
 * Fine-tunes with one seed after another, each in a run directory of its own: OUT/seed-1 and so on.
 *
 * With `resume`, runs that are finished are not repeated, and one that is not goes on.
 */
export async function finetuneSeeds(
  options: FinetuneOptions,
  { seeds, onRun }: { seeds: readonly number[]; onRun(out: string): void },
): Promise<FinetuneResult[]> {
  const results: FinetuneResult[] = [];
  for (const seed of seeds) {
    const out = join(options.out, `seed-${seed}`);
    const report = join(out, REPORT_FILE);
    onRun(out);
    results.push(
      options.resume && existsSync(report)
        ? (readJsonObject(report, "a run's report") as unknown as FinetuneResult)
        : await finetune({ ...options, out, recipe: { ...options.recipe, seed } }),
    );
  }
  return results;
}
