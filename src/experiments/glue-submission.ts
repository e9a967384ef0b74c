import { join } from "node:path";
import { ConfigError } from "../errors.js";
import type { Split } from "../kinds/task.js";
import { bestRun } from "../tasks/finetune-seeds.js";
import { type GluePredictions, writeGlueSubmission } from "../tasks/predictions.js";
import { GLUE_TASKS } from "../tasks/texts/glue-layouts.js";
import { splitsIn, textTaskFolder } from "../tasks/texts/text-folder.js";
import type { ModelScores } from "./glue.js";
import { keptModel, type PresentTask, type TaskEntry } from "./task-runs.js";

/** A test set, whose labels nobody has but the benchmark's server. */
export interface TestSet {
  readonly task: PresentTask;
  readonly split: Split;
}

/** What a fine-tuned model says of a test set, in its order. */
export type PredictTestSet = (model: string, set: TestSet) => Promise<GluePredictions["rows"]>;

/**
 * The test sets that a folder holds of tasks that are there.
 *
 * @throws ConfigError when there is none
 */
export function testSets(folder: string, tasks: readonly TaskEntry[]): TestSet[] {
  const sets = tasks.flatMap((task): TestSet[] => {
    const layout = GLUE_TASKS.find((one) => one.task.name === task.name);
    const own = layout === undefined ? null : textTaskFolder(layout, folder);
    if (task.data === null || layout === undefined || own === null) return [];
    const splits = splitsIn(layout, own).filter((split) => split.startsWith("test"));
    return splits.map((split) => ({ task, split }));
  });
  if (sets.length > 0) return sets;
  throw new ConfigError(`--test: expected a test.tsv beside the training set of a task, got none in ${folder}.`);
}

/**
 * Writes OUT/submission.zip: each test set as the run of the best score on the development set answers it.
 *
 * @throws ConfigError when that run's model is not there any more
 * @returns the zip, and the files that the server will miss in it
 */
export async function writeSubmission(
  { tasks }: ModelScores,
  sets: readonly TestSet[],
  { out, predict }: { out: string; predict: PredictTestSet },
): Promise<{ path: string; missing: readonly string[] }> {
  const predictions: GluePredictions[] = [];
  for (const set of sets) {
    const runs = tasks.find(({ task }) => task === set.task.name)?.runs ?? [];
    const best = bestRun(runs);
    if (best === null) continue;
    const rows = await predict(keptModel(best.run), set);
    predictions.push({ task: set.task.name, split: set.split, rows });
  }
  const path = join(out, "submission.zip");
  return { path, missing: writeGlueSubmission(path, predictions) };
}
