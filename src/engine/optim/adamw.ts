import { zeros } from "../tensor/create.js";
import { adamW_ } from "../tensor/ops.js";
import { keep, TensorScope } from "../tensor/scope.js";
import type { Tensor } from "../tensor/tensor.js";
import type { FlatParameters } from "./flat-parameters.js";

export interface AdamWOptions {
  beta1: number;
  beta2: number;
  eps: number;
  weightDecay: number;
}

/**
 * AdamW on the flat buffers, with PyTorch's arithmetic (torch.optim.AdamW).
 *
 * m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  θ ← θ (1 − lr λ) − lr m̂ / (√v̂ + ε)
 *
 * Source: Loshchilov and Hutter 2019, algorithm 2.
 */
export class AdamW {
  /** First moment, [trainableEnd] f32. */
  readonly firstMoment: Tensor;
  /** Second moment, [trainableEnd] f32. */
  readonly secondMoment: Tensor;
  /** Steps taken so far. */
  steps = 0;
  readonly #parameters: FlatParameters;
  readonly #options: AdamWOptions;

  constructor(parameters: FlatParameters, options: AdamWOptions) {
    this.#parameters = parameters;
    this.#options = options;
    const device = parameters.values.device;
    this.firstMoment = keep(zeros([parameters.trainableEnd], { device }));
    this.secondMoment = keep(zeros([parameters.trainableEnd], { device }));
  }

  /** One update from the gradients as they stand; they are left as they are. */
  step(learningRate: number): void {
    const { values, gradients, decayEnd, trainableEnd } = this.#parameters;
    const { weightDecay } = this.#options;
    this.steps += 1;
    using _scope = new TensorScope();
    const segments = [
      { start: 0, end: decayEnd, weightDecay },
      { start: decayEnd, end: trainableEnd, weightDecay: 0 },
    ];
    for (const { start, end, weightDecay } of segments) {
      const part = (flat: Tensor) => flat.detach().narrow(0, start, end - start);
      const moments = { first: part(this.firstMoment), second: part(this.secondMoment) };
      adamW_(part(values), part(gradients), moments, { ...this.#options, weightDecay, learningRate, step: this.steps });
    }
  }

  dispose(): void {
    this.firstMoment.dispose();
    this.secondMoment.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
