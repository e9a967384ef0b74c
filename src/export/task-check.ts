import { loadTaskModel, readModelLabels } from "../hub/task-model.js";
import { scoreOf } from "../kinds/metrics/metrics.js";
import { sequenceOutput } from "../kinds/outputs.js";
import type { Task } from "../kinds/task.js";
import type { FinetuneRecipe } from "../recipes/finetune-recipe.js";
import { recipeOfModel } from "../tasks/finetune-options.js";
import { type PreparedSplit, prepareSplit } from "../tasks/prepared.js";
import { evaluationBatches } from "../tasks/task-batches.js";
import { openTaskFrom, type TaskSource } from "../tasks/task-source.js";
import type { Runner } from "./runners.js";
import type { ExportSource } from "./source.js";

/** A task that an export must not harm. */
export interface TaskCheck extends TaskSource {
  /** What decides features and answers. Default: as the model was fine-tuned. */
  readonly recipe?: FinetuneRecipe | undefined;
  /** At most so many examples of a split, drawn at random but the same every time. Default: all. */
  readonly examples?: number | null | undefined;
}

/** A check's splits, ready to be read by any file of the model. */
export interface PreparedCheck {
  readonly task: Task;
  readonly splits: readonly PreparedSplit[];
  readonly microBatchTokens: number;
  readonly padId: number;
}

/**
 * Reads what a model is to be checked on.
 *
 * @param check.model as it was named: the run it lies in says how it was fine-tuned
 * @param model the folder as it was read, whose head and labels are held to the task's
 * @throws FormatError or ConfigError when the model was not fine-tuned on the task, or the data does not fit it
 */
export async function prepareCheck(
  model: string,
  { tokenizer, shape }: Pick<ExportSource, "tokenizer" | "shape">,
  { examples: limit = null, model: name, ...check }: TaskCheck & { model: string },
): Promise<PreparedCheck> {
  const { data } = await openTaskFrom(check, { needsTraining: false, labels: await readModelLabels(name) });
  const { task } = data;
  const recipe = check.recipe ?? (await recipeOfModel(name, task));
  // Loaded for its checks alone: head, labels and their order.
  using _loaded = await loadTaskModel(model, task, { device: "cpu", productDType: "float32" });
  const sequenceLength = Math.min(recipe.sequenceLength, shape.config.maxPositions);
  const splits: PreparedSplit[] = [];
  for (const split of task.evaluationSplits) {
    const options = { ...recipe, sequenceLength, skipBadRows: false, limit };
    splits.push(await prepareSplit(data, split, tokenizer, options));
  }
  return { task, splits, microBatchTokens: recipe.microBatchTokens, padId: tokenizer.ids.pad };
}

/** The task's score by this file of the model, averaged over the splits that it is evaluated on. */
export async function scoreBy(runner: Runner, { task, splits, ...cut }: PreparedCheck): Promise<number> {
  let sum = 0;
  for (const split of splits) {
    const logits = new Array<Float32Array>(split.features.length);
    for (const batch of evaluationBatches(split.features, cut)) {
      const outputs = await runner.run(batch);
      for (const [row, index] of batch.indices.entries()) {
        const tokens = split.features[index]?.ids.length ?? 0;
        logits[index] = sequenceOutput(task.kind, outputs, { row, B: batch.B, S: batch.S, tokens });
      }
    }
    sum += scoreOf(task, split.judge(logits).metrics);
  }
  return sum / splits.length;
}
