import { loadTaskModel } from "../hub/task-model.js";
import type { Split, Task, TaskData } from "../kinds/task.js";
import type { FinetuneRecipe } from "../recipes/finetune-recipe.js";
import { checkPositions, productDType } from "../recipes/training-recipe.js";
import { evaluateSplit, type SplitResult } from "./evaluate-split.js";
import { writeSquadPredictions, writeTextPredictions } from "./predictions.js";
import { prepareSplit } from "./prepared.js";
import { headOf } from "./student-and-teacher.js";

export interface EvaluateOptions {
  /** A fine-tuned model: a folder or a Hub id. */
  model: string;
  data: TaskData;
  /** Null for those that the task is evaluated on. */
  split: Split | null;
  /** How it was fine-tuned: what decides features and answers. */
  recipe: FinetuneRecipe;
  skipBadRows: boolean;
  device: string;
  /** Where predictions are written; null for nowhere. */
  predictions: string | null;
  signal?: AbortSignal | undefined;
  onProgress?: (done: number, total: number) => void;
}

/** A split's result, with how many examples gave it. */
export interface ModelResult extends SplitResult {
  readonly split: Split;
  readonly exampleCount: number;
  readonly skipped: number;
}

/**
 * Evaluates a fine-tuned model on its task.
 *
 * @throws FormatError or ConfigError when the model's head, its positions or the data do not fit the task
 */
export async function evaluateModel(options: EvaluateOptions): Promise<ModelResult[]> {
  const { data, recipe, device, predictions } = options;
  const { task } = data;
  const dtype = productDType(recipe);
  using loaded = await loadTaskModel(options.model, headOf(task), { device, productDType: dtype });
  const { model, tokenizer, path } = loaded;
  checkPositions({ ...recipe, positionShift: 0 }, { count: model.config.maxPositions, source: path });
  const splits = options.split === null ? task.evaluationSplits : [options.split];
  const results: ModelResult[] = [];
  for (const split of splits) {
    const prepared = await prepareSplit(data, split, tokenizer, { ...recipe, skipBadRows: options.skipBadRows });
    const result = await evaluateSplit(model, task.kind, prepared, {
      ...{ productDType: dtype, device, microBatchTokens: recipe.microBatchTokens, padId: tokenizer.ids.pad },
      signal: options.signal,
      onProgress: options.onProgress,
    });
    const { exampleCount, skipped } = prepared;
    results.push({ split, exampleCount, skipped, ...result });
  }
  if (predictions !== null) for (const result of results) writePredictions(task, result, predictions);
  return results;
}

function writePredictions(task: Task, { split, predictions, nullOdds }: ModelResult, folder: string): void {
  if (task.kind === "question-answering") {
    const answers = new Map(predictions.map(({ id, value }) => [id, String(value)]));
    writeSquadPredictions(folder, { answers, nullOdds: task.hasUnanswerable ? nullOdds : null });
    return;
  }
  const values = predictions.map(({ id, value }) => ({ id, value: Number(value) }));
  writeTextPredictions(folder, { task, split, predictions: values });
}
