import { checkDevice } from "../engine/tensor/device.js";
import type { DType } from "../engine/tensor/dtype.js";
import type { Tensor } from "../engine/tensor/tensor.js";
import { loadTaskModel, readModelLabels, type TaskModel } from "../hub/task-model.js";
import type { LabelledKind } from "../kinds/kinds.js";
import type { Split } from "../kinds/task.js";
import type { FinetuneRecipe } from "../recipes/finetune-recipe.js";
import { checkPositions, productDType } from "../recipes/training-recipe.js";
import { type EvaluationProgress, evaluateBatches } from "../training/loop/evaluate-held-out.js";
import { recipeOfModel } from "./finetune-options.js";
import { writePredictions } from "./predictions.js";
import { type Judgement, type PreparedSplit, prepareSplit } from "./prepared.js";
import { evaluationBatches, type Feature, type TaskBatch } from "./task-batches.js";
import { hardLoss, taskLogits } from "./task-objective.js";
import { openTaskFrom, type TaskSource } from "./task-source.js";

export interface EvaluateOptions extends TaskSource, EvaluationProgress {
  /** A fine-tuned model: a folder or a Hub id. */
  model: string;
  /** Default: those that the task is evaluated on. */
  split?: Split | undefined;
  /** What decides features and answers. Default: as the model was fine-tuned. */
  recipe?: FinetuneRecipe | undefined;
  /** Tokens of a sequence or window. Default: as the model was fine-tuned. */
  sequenceLength?: number | undefined;
  /** Leaves rows out that cannot be used, and counts them, instead of stopping at the first. Default: no. */
  skipBadRows?: boolean | undefined;
  /** "cpu", "cuda" or "cuda:N". Default: "cpu". */
  device?: string | undefined;
  /** A folder that predictions are written to. Default: nowhere. */
  predictions?: string | undefined;
}

/** A split's result, with how many examples gave it. */
export interface ModelResult extends SplitResult {
  readonly split: Split;
  readonly exampleCount: number;
  readonly skipped: number;
}

/** What a model achieves on its task. */
export interface Evaluated {
  readonly task: string;
  readonly results: readonly ModelResult[];
}

/**
 * Evaluates a fine-tuned model on its task.
 *
 * @throws FormatError or ConfigError when the model's head, its positions or the data do not fit the task
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluated> {
  const { model: name, device = "cpu", predictions, skipBadRows = false, signal, onProgress } = options;
  checkDevice(device);
  const isOwn = options.task === undefined && typeof options.data !== "object";
  const labels = isOwn ? await readModelLabels(name) : null;
  const { data } = await openTaskFrom(options, { needsTraining: false, labels });
  const { task } = data;
  const tuned = options.recipe ?? (await recipeOfModel(name, task));
  const recipe = { ...tuned, sequenceLength: options.sequenceLength ?? tuned.sequenceLength };
  const dtype = productDType(recipe);
  using loaded = await loadTaskModel(name, task, { device, productDType: dtype });
  const { model, tokenizer, path } = loaded;
  checkPositions({ ...recipe, positionShift: 0 }, { count: model.config.maxPositions, source: path });
  const splits = options.split === undefined ? task.evaluationSplits : [options.split];
  const results: ModelResult[] = [];
  for (const split of splits) {
    const prepared = await prepareSplit(data, split, tokenizer, { ...recipe, skipBadRows });
    const result = await evaluateSplit(model, task.kind, prepared, {
      ...{ productDType: dtype, device, microBatchTokens: recipe.microBatchTokens, padId: tokenizer.ids.pad },
      ...{ signal, onProgress },
    });
    const { exampleCount, skipped } = prepared;
    results.push({ split, exampleCount, skipped, ...result });
  }
  if (predictions !== undefined) for (const result of results) writePredictions(predictions, task, result);
  return { task: task.name, results };
}

/** What a model achieves on one split. */
export interface SplitResult extends Judgement {
  /** Mean loss on the labels; null where the split hides them. */
  readonly loss: number | null;
}

/** How an evaluation runs; none of it changes more than rounding. */
export interface EvaluationOptions extends EvaluationProgress {
  readonly productDType: DType;
  readonly device: string;
  readonly microBatchTokens: number;
  readonly padId: number;
}

/** Runs a model over a split, batches of like length together, and judges what it says. */
export async function evaluateSplit(
  model: TaskModel,
  kind: LabelledKind,
  split: PreparedSplit,
  options: EvaluationOptions,
): Promise<SplitResult> {
  const { features, isLabelled } = split;
  const logits = new Array<Float32Array>(features.length);
  let loss = 0;
  const evaluate = (batch: TaskBatch) => {
    const given = taskLogits(model, batch, { ...options, training: false });
    for (const [row, index] of batch.indices.entries()) logits[index] = rowOf(given, row, features[index] as Feature);
    if (isLabelled) loss += hardLoss(kind, given, batch.targets).item();
  };
  await evaluateBatches(evaluationBatches(features, options), evaluate, options);
  return { loss: isLabelled ? loss / features.length : null, ...split.judge(logits) };
}

/** A sequence's logits without padding: [L], or [2 · S] with the starts before the ends. */
function rowOf(logits: Tensor, row: number, { ids }: Feature): Float32Array {
  if (logits.shape.length === 2) return logits.select(0, row).toFloat32Array();
  return logits.select(1, row).narrow(1, 0, ids.length).reshape([-1]).toFloat32Array();
}
