import { setImmediate as yieldToEvents } from "node:timers/promises";
import type { MaskedBatch, StepBatches } from "../../data/masked-batches.js";
import { autocast, noGrad } from "../../engine/tensor/autograd.js";
import type { DType } from "../../engine/tensor/dtype.js";
import { nllLoss } from "../../engine/tensor/ops.js";
import { tidy } from "../../engine/tensor/scope.js";
import type { MaskedLm } from "../../models/masked-lm.js";
import { rowsAt, toMicroBatch } from "./micro-batch.js";

/** How well a model guesses masked tokens it was not trained on. */
export type HeldOutResult = {
  /** Mean cross-entropy over the masked positions, nats. */
  loss: number;
  /** Share of the masked positions whose likeliest token is the true one. */
  accuracy: number;
};

/** How an evaluation is stopped and watched. */
export interface EvaluationProgress {
  readonly signal?: AbortSignal | undefined;
  /** Told of every batch: sequences done, of all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Gives every batch to `evaluate`, without gradients and in a scope of its own; events are dealt with between two.
 *
 * @throws AbortError when the signal aborts
 */
export async function evaluateBatches<B extends { readonly B: number }>(
  batches: readonly B[],
  evaluate: (batch: B) => void,
  { signal, onProgress }: EvaluationProgress,
): Promise<void> {
  const total = batches.reduce((sum, { B }) => sum + B, 0);
  let done = 0;
  for (const batch of batches) {
    await yieldToEvents();
    signal?.throwIfAborted();
    noGrad(() => tidy(() => evaluate(batch)));
    done += batch.B;
    onProgress?.(done, total);
  }
}

/** Evaluates on a fixed set with fixed masks, so that models and moments can be compared. */
export async function evaluateHeldOut(
  model: MaskedLm,
  heldOut: StepBatches,
  { dtype, device, ...progress }: EvaluationProgress & { dtype: DType; device: string },
): Promise<HeldOutResult> {
  const sums = { loss: 0, correct: 0 };
  const evaluate = (batch: MaskedBatch) => {
    const { input, positions, labels, M } = toMicroBatch(batch, device);
    const logits = autocast(dtype, device, () => {
      const rows = rowsAt(model.encoder.forward(input, { training: false }), positions.narrow(0, 0, M));
      return model.decode(model.transform(rows)).to("float32");
    });
    sums.loss += nllLoss(logits.logSoftmax(), labels).item();
    sums.correct += logits.argmax(1).eq(labels).to("float32").sum().item();
  };
  await evaluateBatches(heldOut.microBatches, evaluate, progress);
  return { loss: sums.loss / heldOut.maskedCount, accuracy: sums.correct / heldOut.maskedCount };
}
