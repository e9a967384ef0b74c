import { setImmediate as yieldToEvents } from "node:timers/promises";
import type { Batch, StepBatches } from "../../data/masked-batches.js";
import { autocast, noGrad } from "../../engine/tensor/autograd.js";
import type { DType } from "../../engine/tensor/dtype.js";
import { nllLoss } from "../../engine/tensor/ops.js";
import { TensorScope } from "../../engine/tensor/scope.js";
import type { MaskedLm } from "../../models/masked-lm.js";
import { rowsAt, toMicroBatch } from "./micro-batch.js";

/** How well a model guesses masked tokens it was not trained on. */
export type HeldOutResult = {
  /** Mean cross-entropy over the masked positions, nats. */
  loss: number;
  /** Share of the masked positions whose likeliest token is the true one. */
  accuracy: number;
};

/** Evaluates on a fixed set with fixed masks, so that models and moments can be compared. */
export async function evaluateHeldOut(
  model: MaskedLm,
  heldOut: StepBatches,
  options: {
    dtype: DType;
    device: string;
    signal?: AbortSignal | undefined;
    /** Told of every batch: sequences done, of all. */
    onProgress?: ((done: number, total: number) => void) | undefined;
  },
): Promise<HeldOutResult> {
  const total = heldOut.microBatches.reduce((sum, { B }) => sum + B, 0);
  let loss = 0;
  let correct = 0;
  let done = 0;
  for (const batch of heldOut.microBatches) {
    await yieldToEvents();
    options.signal?.throwIfAborted();
    const sums = evaluateBatch(model, batch, options);
    loss += sums.loss;
    correct += sums.correct;
    done += batch.B;
    options.onProgress?.(done, total);
  }
  return { loss: loss / heldOut.maskedCount, accuracy: correct / heldOut.maskedCount };
}

function evaluateBatch(
  model: MaskedLm,
  batch: Batch,
  { dtype, device }: { dtype: DType; device: string },
): { loss: number; correct: number } {
  using _scope = new TensorScope();
  const { input, positions, labels, M } = toMicroBatch(batch, device);
  return noGrad(() => {
    const logits = autocast(dtype, device, () => {
      const rows = rowsAt(model.encoder.forward(input, { training: false }), positions.narrow(0, 0, M));
      return model.decode(model.transform(rows)).to("float32");
    });
    return {
      loss: nllLoss(logits.logSoftmax(), labels).item(),
      correct: logits.argmax(1).eq(labels).to("float32").sum().item(),
    };
  });
}
