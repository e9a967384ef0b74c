import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ConfigError } from "../errors.js";
import type { Task } from "../kinds/task.js";
import type { FinetuneRecipe } from "../recipes/finetune-recipe.js";
import { discardCheckpoints, openRun } from "../runs/run.js";
import { readSources, sourcePath } from "../runs/sources.js";
import { replaceText } from "../storage/atomic-files.js";
import { formatJson, readJsonFile } from "../storage/json-file.js";
import type { FinetuneResult, SplitMetrics } from "./result.js";

/** What a finished run came to, in the run directory: that it is there says that the run is finished. */
export const REPORT_FILE = "report.json";

/** What a run was asked for. */
interface RunAsked {
  readonly model: string;
  readonly teacher: string | null;
  readonly recipe: FinetuneRecipe;
}

const figures = z.record(z.string(), z.number());
const reportFile = z.looseObject({
  kind: z.literal("finetune"),
  task: z.string(),
  model: z.string(),
  teacher: z.string().nullable(),
  step: z.number(),
  score: z.number(),
  metrics: z.record(z.string(), figures),
  selection: z.object({ split: z.string(), title: z.string(), exampleCount: z.number() }).nullable().default(null),
  trainExamples: z.number(),
  skippedRows: z.number(),
  seed: z.number(),
  recipe: z.record(z.string(), z.unknown()),
  elapsedMs: z.number(),
});
/** A finished run's report.json; its `model` is the one the run started from. */
export type RunReport = z.infer<typeof reportFile>;

/** Leaves a RunReport: that it is there says that the run is finished. */
export function writeRunReport(
  directory: string,
  { model, teacher, recipe }: RunAsked,
  result: FinetuneResult & { elapsedMs: number },
): void {
  const report = { kind: "finetune", ...result, model, teacher, seed: recipe.seed, recipe };
  replaceText(join(directory, REPORT_FILE), formatJson(report));
}

/**
 * What a finished run came to, or null where it is still to be run.
 *
 * @throws ConfigError when it is another recipe's, model's, teacher's or task's
 * @throws FormatError when its report is damaged
 */
export function finishedRun(
  asked: RunAsked & { readonly out: string; readonly data: { readonly task: Task } },
): FinetuneResult | null {
  const { out, model, teacher, recipe, data } = asked;
  const path = join(out, REPORT_FILE);
  if (!existsSync(path)) return null;
  using run = openRun(out, recipe);
  const report = readRunReport(out);
  const begun = readSources(out); // Its paths do not depend on where the command is given.
  const wanted = { model: sourcePath(model), teacher: teacher && sourcePath(teacher), task: data.task.name };
  const found = {
    model: begun?.model?.path ?? report.model,
    teacher: begun?.teacher?.path ?? report.teacher,
    task: report.task,
  };
  for (const key of ["model", "teacher", "task"] as const) {
    if (found[key] === wanted[key]) continue;
    throw new ConfigError(
      `${path}: expected ${key} ${wanted[key]}, got ${found[key]}. Give the same, or another --out.`,
    );
  }
  discardCheckpoints(out); // It may have been killed before it came to that.
  const { task, step, score, trainExamples, skippedRows } = report;
  const [metrics, selection] = [report.metrics as SplitMetrics, report.selection as FinetuneResult["selection"]];
  return { run: out, model: run.modelPath, task, step, score, metrics, selection, trainExamples, skippedRows };
}

/** @throws FormatError when it is missing or damaged */
export function readRunReport(directory: string): RunReport {
  const path = join(directory, REPORT_FILE);
  const [what, remedy] = ["the report of a fine-tuning run", "Delete the run's folder to repeat it."];
  return readJsonFile(path, reportFile, { what, remedy });
}
