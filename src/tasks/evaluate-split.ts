import { setImmediate as yieldToEvents } from "node:timers/promises";
import { noGrad } from "../engine/tensor/autograd.js";
import type { DType } from "../engine/tensor/dtype.js";
import { TensorScope } from "../engine/tensor/scope.js";
import type { Tensor } from "../engine/tensor/tensor.js";
import type { TaskModel } from "../hub/task-model.js";
import type { Task } from "../kinds/task.js";
import type { Judgement, PreparedSplit } from "./prepared.js";
import { evaluationBatches, type Feature, type TaskBatch } from "./task-batches.js";
import { hardLoss, taskLogits } from "./task-objective.js";

/** What a model achieves on one split. */
export interface SplitResult extends Judgement {
  /** Mean loss on the labels; null where the split hides them. */
  readonly loss: number | null;
}

/** How an evaluation runs; none of it changes more than rounding. */
export interface EvaluationOptions {
  readonly productDType: DType;
  readonly device: string;
  readonly microBatchTokens: number;
  readonly padId: number;
  readonly signal?: AbortSignal | undefined;
  /** Told of every batch: sequences done, of all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Runs a model over a split, batches of like length together, and judges what it says. */
export async function evaluateSplit(
  model: TaskModel,
  kind: Task["kind"],
  split: PreparedSplit,
  options: EvaluationOptions,
): Promise<SplitResult> {
  const { features, isLabelled } = split;
  const logits = new Array<Float32Array>(features.length);
  let loss = 0;
  let done = 0;
  for (const batch of evaluationBatches(features, options)) {
    await yieldToEvents();
    options.signal?.throwIfAborted();
    loss += evaluateBatch(model, kind, batch, { ...options, features, isLabelled, logits });
    done += batch.B;
    options.onProgress?.(done, features.length);
  }
  return { loss: isLabelled ? loss / features.length : null, ...split.judge(logits) };
}

function evaluateBatch(
  model: TaskModel,
  kind: Task["kind"],
  batch: TaskBatch,
  {
    features,
    isLabelled,
    logits,
    ...options
  }: EvaluationOptions & { features: readonly Feature[]; isLabelled: boolean; logits: Float32Array[] },
): number {
  using _scope = new TensorScope();
  return noGrad(() => {
    const given = taskLogits(model, batch, { ...options, training: false });
    for (const [row, index] of batch.indices.entries()) logits[index] = rowOf(given, row, features[index] as Feature);
    return isLabelled ? hardLoss(kind, given, batch.targets).item() : 0;
  });
}

/** A sequence's logits without padding: [L], or [2 · S] with the starts before the ends. */
function rowOf(logits: Tensor, row: number, { inputIds }: Feature): Float32Array {
  if (logits.shape.length === 2) return logits.select(0, row).toFloat32Array();
  return logits.select(1, row).narrow(1, 0, inputIds.length).reshape([-1]).toFloat32Array();
}
