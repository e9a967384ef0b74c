import { rmSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, Interrupted } from "../errors.js";
import { copyModelFolder } from "../hub/folder.js";
import { type ReportOf, reportedTaskOf, reportHead, writeReport } from "../runs/report.js";
import { finetune } from "../tasks/finetune.js";
import { type FinetuneOptions, type Finetuning, finetuningOf } from "../tasks/finetune-options.js";
import { type FinetuneResult, finishedRun } from "../tasks/run-report.js";
import { spreadOf } from "./statistics.js";
import { keptModel, takeReportFolder } from "./task-runs.js";

export type SeedsReport = ReportOf<"finetune-seeds">;

export interface SeedsOptions extends FinetuneOptions {
  /** Runs, each with a seed from the recipe's on. */
  readonly seeds: number;
  /** Whether every run keeps its model. Default: the best alone. */
  readonly keepModels?: boolean | undefined;
  /** Told of each run's folder before it begins. */
  readonly onRun?: ((out: string) => void) | undefined;
}

/**
 * Fine-tunes with several seeds in OUT/seed-1 and so on, and puts the model of the best score in OUT/model. Leaves
 * report.json in OUT, and in each run.
 *
 * Those that are finished are not repeated when it is resumed. The models of the others go, unless all are kept.
 *
 * @throws ConfigError when the folder is in use, holds something else, or was begun with other settings
 * @throws Interrupted when the signal aborts, after saving
 */
export async function seedsReport(options: SeedsOptions): Promise<SeedsReport> {
  // The folder is no run: what is asked for is named again.
  const asked = { ...(await finetuningOf({ ...options, resume: false })), resume: options.resume ?? false };
  const { out, model, teacher, recipe, skipBadRows, data, command } = asked;
  const task = data.task.name;
  const settings = { kind: "finetune-seeds", task, model, teacher, skipBadRows, recipe };
  using folder = takeReportFolder(out, settings, asked.resume);
  const seeds = seedsFrom(recipe, options.seeds);
  const runs = await finetuneSeeds(asked, seeds, options);
  const best = bestRun(runs);
  if (best === null) throw new ConfigError("seeds: expected one at least, got none.");
  copyModelFolder(keptModel(best.run), folder.modelPath);
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

async function finetuneSeeds(
  asked: Finetuning,
  seeds: readonly number[],
  { keepModels = false, onRun }: Pick<SeedsOptions, "keepModels" | "onRun">,
): Promise<FinetuneResult[]> {
  const results: FinetuneResult[] = [];
  for (const seed of seeds) {
    const run = { ...asked, out: join(asked.out, `seed-${seed}`), recipe: { ...asked.recipe, seed } };
    onRun?.(run.out);
    try {
      results.push((asked.resume ? finishedRun(run) : null) ?? (await finetune(run)));
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      throw new Interrupted(`interrupted at seed ${seed}: go on with the same command and --resume`);
    }
    if (!keepModels) keepBestModel(results);
  }
  return results;
}

/** `count` seeds from the recipe's on. */
export function seedsFrom({ seed }: { seed: number }, count: number): number[] {
  return Array.from({ length: count }, (_, i) => seed + i);
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
