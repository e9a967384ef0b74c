import type { StepBatches } from "../../data/masked-batches.js";
import type { Module } from "../../engine/nn/module.js";
import type { FlatParameters } from "../../engine/optim/flat-parameters.js";
import type { Tensor } from "../../engine/tensor/tensor.js";

/** What every loss of an optimizer step is divided by: counts over all its micro-batches and ranks. */
export interface StepCounts {
  tokenCount: number;
  maskedCount: number;
}

/** One position's share of a mean over `count`; 0 where there is none. */
export function shareOf(count: number): number {
  return count === 0 ? 0 : 1 / count;
}

/** The data of one optimizer step, as far as the loop looks into it. */
export interface StepData {
  readonly microBatches: readonly { readonly tokenCount: number }[];
  /** Positions that are not padding, over all micro-batches and ranks. */
  readonly tokenCount: number;
}

/** What is learned: pretraining, distillation and fine-tuning differ in this and their data alone. */
export interface Objective<S extends StepData = StepBatches> {
  readonly model: Module;
  readonly parameters: FlatParameters;
  /** The losses in the order `microStep` gives them, each with its weight in the sum. */
  readonly losses: readonly { name: string; weight: number }[];
  /**
   * Adds one micro-batch's share of the step's gradient to the flat gradient buffer.
   *
   * @param step what the losses are divided by: counts over the whole step
   * @returns its share of each loss, f32 [losses]: the shares of a step add up to its mean
   */
  microStep(batch: S["microBatches"][number], step: S): Tensor;
}
