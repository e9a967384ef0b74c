import { rmSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../errors.js";
import { copyModelFolder } from "../hub/folder.js";
import { type ReportOf, reportedTaskOf, reportHead, writeReport } from "../runs/report.js";
import { finetune } from "../tasks/finetune.js";
import type { Finetuning } from "../tasks/finetune-options.js";
import { type FinetuneResult, finishedRun } from "../tasks/run-report.js";
import { spreadOf } from "./statistics.js";
import { keptModel, takeReportFolder } from "./task-runs.js";

export type SeedsReport = ReportOf<"finetune-seeds">;

/**
 * Fine-tunes with several seeds in OUT/seed-<n>, and puts the model of the best score in OUT/model. Leaves report.json
 * in OUT, and in each run.
 *
 * Those that are finished are not repeated when it is resumed. The models of the others go, unless all are kept.
 *
 * @throws ConfigError when the folder is in use, holds something else, or was begun with other settings
 */
export async function seedsReport(options: Finetuning, seedOptions: SeedOptions): Promise<SeedsReport> {
  const { out, model, teacher, recipe, skipBadRows, data, command } = options;
  const task = data.task.name;
  const settings = { kind: "finetune-seeds", task, model, teacher, skipBadRows, recipe };
  using folder = takeReportFolder(out, settings, options.resume);
  const runs = await finetuneSeeds(options, seedOptions);
  const best = bestRun(runs);
  if (best === null) throw new ConfigError("seeds: expected one at least, got none.");
  copyModelFolder(keptModel(best.run), folder.modelPath);
  const { seeds } = seedOptions;
  const report: SeedsReport = {
    ...reportHead({ command, seeds }),
    kind: "finetune-seeds",
    ...{ task: reportedTaskOf(data.task), startedFrom: model, teacher, recipe, runs },
    score: spreadOf(runs.map(({ score }) => score)),
    best: seeds[runs.indexOf(best)] ?? recipe.seed,
    model: folder.modelPath,
  };
  writeReport(out, report);
  return report;
}

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
