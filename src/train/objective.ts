import type { Batch } from "../data/batches.js";
import type { MaskedLm } from "../models/masked-lm.js";
import type { FlatParameters } from "../optim/flat-parameters.js";
import type { Tensor } from "../tensor/tensor.js";

/** What every loss of an optimizer step is divided by: counts over all its micro-batches and ranks. */
export interface StepCounts {
  tokenCount: number;
  maskedCount: number;
}

/** One position's share of a mean over `count`; 0 where there is none. */
export function shareOf(count: number): number {
  return count === 0 ? 0 : 1 / count;
}

/** What is learned: pretraining and distillation differ in this alone. */
export interface Objective {
  readonly model: MaskedLm;
  readonly parameters: FlatParameters;
  /** The losses in the order `microStep` gives them, each with its weight in the sum. */
  readonly losses: readonly { name: string; weight: number }[];
  /**
   * Adds one micro-batch's share of the step's gradient to the flat gradient buffer.
   *
   * @returns its share of each loss, f32 [losses]: the shares of a step add up to its mean
   */
  microStep(batch: Batch, counts: StepCounts): Tensor;
}
