import { ConfigError } from "../errors.js";
import { copyModelFolder } from "../hub/folder.js";
import { provenance } from "../pages/provenance.js";
import { writeFinetuneReport } from "../pages/reports/finetune.js";
import { seedsDocument } from "../pages/reports/seeds-document.js";
import { writeReport } from "../pages/write.js";
import type { Finetuning } from "../tasks/finetune-options.js";
import { bestRun, finetuneSeeds, type SeedOptions } from "../tasks/finetune-seeds.js";
import type { FinetuneResult } from "../tasks/result.js";
import { type Spread, spreadOf } from "./statistics.js";
import { keptModel, takeReportFolder } from "./task-runs.js";

/** What one fine-tuning came to with several seeds. */
export interface SeedsReport {
  readonly kind: "finetune-seeds";
  readonly task: string;
  /** That it started from. */
  readonly startedFrom: string;
  readonly teacher: string | null;
  readonly seeds: readonly number[];
  readonly score: Spread;
  /** The seed of the best score, and where its model is. */
  readonly best: number;
  readonly model: string;
  readonly runs: readonly FinetuneResult[];
}

/**
 * Fine-tunes with several seeds in OUT/seed-<n>, and puts the model of the best score in OUT/model. Leaves report.json
 * and report.html in OUT, and in each run.
 *
 * Those that are finished are not repeated when it is resumed. The models of the others go, unless all are kept.
 *
 * @throws ConfigError when the folder is in use, holds something else, or was begun with other settings
 */
export async function seedsReport(
  options: Finetuning,
  { command, ...seedOptions }: SeedOptions & { command: string | null },
): Promise<SeedsReport> {
  const { out, model, teacher, recipe, skipBadRows, data } = options;
  const task = data.task.name;
  const settings = { kind: "finetune-seeds", task, model, teacher, skipBadRows, recipe };
  using folder = takeReportFolder(out, settings, options.resume);
  const runs = await finetuneSeeds(options, seedOptions);
  const best = bestRun(runs);
  if (best === null) throw new ConfigError("seeds: expected one at least, got none.");
  copyModelFolder(keptModel(best.run), folder.modelPath);
  for (const { run } of runs) writeFinetuneReport(run, { task: data.task, command });
  const { seeds } = seedOptions;
  const report: SeedsReport = {
    kind: "finetune-seeds",
    ...{ task, startedFrom: model, teacher, seeds, runs },
    score: spreadOf(runs.map(({ score }) => score)),
    best: seeds[runs.indexOf(best)] ?? recipe.seed,
    model: folder.modelPath,
  };
  writeReport(out, report, seedsDocument(report, data.task, provenance({ command, seeds })));
  return report;
}
