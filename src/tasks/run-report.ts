import { join } from "node:path";
import { ConfigError } from "../errors.js";
import type { MetricName } from "../kinds/metrics/metrics.js";
import type { Split, Task } from "../kinds/task.js";
import type { FinetuneRecipe } from "../recipes/finetune-recipe.js";
import { hasReport, REPORT_FILE, readReport, reportedTaskOf, reportHead, writeReport } from "../runs/report.js";
import { discardCheckpoints, openRun } from "../runs/run.js";
import { readSources, sourcePath } from "../runs/sources.js";

/** The figures of each split that was evaluated. */
export type SplitMetrics = Readonly<Partial<Record<Split, Readonly<Partial<Record<MetricName, number>>>>>>;

/** What a fine-tuning came to. */
export interface FinetuneResult {
  run: string;
  model: string;
  task: string;
  /** Optimizer steps of the weights that are the result. */
  step: number;
  score: number;
  metrics: SplitMetrics;
  /** What was evaluated during training, where that is not what the figures are of; null where it is. */
  selection: { readonly split: Split; readonly title: string; readonly exampleCount: number } | null;
  trainExamples: number;
  /** Rows that were left out, over all splits. */
  skippedRows: number;
}

/** What a run was asked for. */
interface RunAsked {
  readonly model: string;
  readonly teacher: string | null;
  readonly recipe: FinetuneRecipe;
  readonly data: { readonly task: Task };
  /** The command line; null where a program asks. */
  readonly command?: string | null | undefined;
}

/** Leaves report.json: that it is there says that the run is finished. */
export function writeRunReport(
  directory: string,
  { model, teacher, recipe, data, command }: RunAsked,
  { run: _, model: __, task: ___, ...result }: FinetuneResult & { elapsedMs: number },
): void {
  const head = reportHead({ command, seeds: [recipe.seed] });
  const task = reportedTaskOf(data.task);
  writeReport(directory, { ...head, kind: "finetune", task, model, teacher, ...result, recipe });
}

/**
 * What a finished run came to, or null where it is still to be run.
 *
 * @throws ConfigError when it is another recipe's, model's, teacher's or task's
 * @throws FormatError when its report is damaged
 */
export function finishedRun(asked: RunAsked & { readonly out: string }): FinetuneResult | null {
  const { out, model, teacher, recipe, data } = asked;
  if (!hasReport(out)) return null;
  using run = openRun(out, recipe);
  const report = readReport(out, "finetune");
  const begun = readSources(out); // Its paths do not depend on where the command is given.
  const wanted = { model: sourcePath(model), teacher: teacher && sourcePath(teacher), task: data.task.name };
  const found = {
    model: begun?.model?.path ?? report.model,
    teacher: begun?.teacher?.path ?? report.teacher,
    task: report.task.name,
  };
  for (const key of ["model", "teacher", "task"] as const) {
    if (found[key] === wanted[key]) continue;
    throw new ConfigError(
      `${join(out, REPORT_FILE)}: expected ${key} ${wanted[key]}, got ${found[key]}. Give the same, or another --out.`,
    );
  }
  discardCheckpoints(out); // It may have been killed before it came to that.
  const { step, score, trainExamples, skippedRows } = report;
  const [metrics, selection] = [report.metrics as SplitMetrics, report.selection as FinetuneResult["selection"]];
  const result = { step, score, metrics, selection, trainExamples, skippedRows };
  return { run: out, model: run.modelPath, task: data.task.name, ...result };
}
