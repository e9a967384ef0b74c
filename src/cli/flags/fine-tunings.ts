import type { PredictTestSet } from "../../experiments/glue-submission.js";
import type { RunTask } from "../../experiments/task-runs.js";
import type { Task } from "../../kinds/task.js";
import type { FinetuneRecipe } from "../../recipes/finetune-recipe.js";
import { evaluateModel } from "../../tasks/evaluate-model.js";
import { finetune } from "../../tasks/finetune.js";
import type { Display } from "../display/display.js";
import { whole } from "../display/quantities.js";
import { observeSteps } from "../display/run-display.js";
import type { PlaceFlags, SaveFlags } from "./run-flags.js";

/** Fine-tunes as often as it is asked, with each task's recipe and the seeds of the jobs. */
export function fineTuner(
  flags: PlaceFlags & SaveFlags,
  given: {
    recipeOf(task: Task): FinetuneRecipe;
    /** Where its data was read from, for the record. */
    pathOf(task: Task): string;
    skipBadRows: boolean;
    display: Display;
    signal: AbortSignal;
  },
): RunTask {
  const { recipeOf, pathOf, skipBadRows, display, signal } = given;
  return async ({ model, data, seed, out, resume }) => {
    await finetune({
      ...{ model, data, skipBadRows, out, resume, signal },
      dataPath: pathOf(data.task),
      recipe: { ...recipeOf(data.task), seed },
      teacher: null,
      device: flags.device,
      cadence: {
        logEverySteps: flags.logEvery,
        saveEverySteps: flags.saveEvery,
        saveEveryMinutes: flags.saveEveryMinutes,
      },
      observer: { ...observeSteps(display), evaluation: () => {} },
    });
  };
}

/** Has a fine-tuned model answer a test set. */
export function testPredictor(
  { device }: PlaceFlags,
  { recipeOf, display, signal }: { recipeOf(task: Task): FinetuneRecipe; display: Display; signal: AbortSignal },
): PredictTestSet {
  return async (model, { task: { data, title }, split }) => {
    const onProgress = (done: number, total: number) =>
      display.progress({
        fraction: done / total,
        parts: [{ text: `answering ${title}, ${split.replace("_", " ")}: ${whole(done)} of ${whole(total)}`, rank: 9 }],
        etaSeconds: null,
      });
    // The server wants an answer to every row: none is skipped.
    const options = {
      model,
      data,
      split,
      recipe: recipeOf(data.task),
      skipBadRows: false,
      device,
      predictions: null,
      signal,
      onProgress,
    };
    const [result] = await evaluateModel(options);
    return (result?.predictions ?? []).map(({ id, value }) => ({ id, value: Number(value) }));
  };
}

/** `count` seeds from the recipe's on. */
export function seedsFrom({ seed }: { seed: number }, count: number): number[] {
  return Array.from({ length: count }, (_, i) => seed + i);
}
