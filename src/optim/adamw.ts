import { noGrad } from "../tensor/autograd.js";
import { zeros } from "../tensor/create.js";
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
    const { beta1, beta2, eps, weightDecay } = this.#options;
    const { values, gradients, decayEnd, trainableEnd } = this.#parameters;
    this.steps += 1;
    const correction1 = 1 - beta1 ** this.steps;
    const correction2 = 1 - beta2 ** this.steps;
    using _scope = new TensorScope();
    noGrad(() => {
      if (weightDecay !== 0) values.narrow(0, 0, decayEnd).mul_(1 - learningRate * weightDecay);
      this.firstMoment.lerp_(gradients, 1 - beta1);
      this.secondMoment.mul_(beta2).addcmul_(gradients, gradients, 1 - beta2);
      const denominator = this.secondMoment
        .sqrt()
        .mul_(1 / Math.sqrt(correction2))
        .add_(eps);
      values.narrow(0, 0, trainableEnd).addcdiv_(this.firstMoment, denominator, -learningRate / correction1);
    });
  }

  dispose(): void {
    this.firstMoment.dispose();
    this.secondMoment.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
