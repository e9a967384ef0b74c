import { type DropoutNoise, dropout, embedding, layerNorm, linear, residualNorm } from "../tensor/ops.js";
import type { Tensor } from "../tensor/tensor.js";
import { Module, type Parameter } from "./module.js";

/** x · weightᵀ + bias. */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;

  /** @param init standard deviation of the initial weights; biases start at 0 */
  constructor(inputs: number, outputs: number, init: { std: number }) {
    super();
    this.weight = this.parameter("weight", { shape: [outputs, inputs], init, decay: true });
    this.bias = this.parameter("bias", { shape: [outputs], init: { fill: 0 }, decay: false });
  }

  /** [..., inputs] -> [..., outputs] */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight.value, this.bias.value);
  }
}

/** One row of weight [V, D] per id. */
export class Embedding extends Module {
  readonly weight: Parameter;

  constructor(rows: number, size: number, init: { std: number }) {
    super();
    this.weight = this.parameter("weight", { shape: [rows, size], init, decay: true });
  }

  /** int64 [...] -> [..., D] */
  forward(ids: Tensor): Tensor {
    return embedding(this.weight.value, ids);
  }
}

/** Normalises the last dimension, then scales and shifts, in f32 whatever it is given. */
export class LayerNorm extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly #eps: number;

  constructor(size: number, eps: number) {
    super();
    this.weight = this.parameter("weight", { shape: [size], init: { fill: 1 }, decay: false });
    this.bias = this.parameter("bias", { shape: [size], init: { fill: 0 }, decay: false });
    this.#eps = eps;
  }

  /** [..., D] -> [..., D] */
  forward(x: Tensor): Tensor {
    return layerNorm(x.to("float32"), this.weight.value, this.bias.value, this.#eps);
  }

  /** Of x + dropout(y), the residual connection of a post-norm transformer: [..., D], [..., D] -> [..., D] */
  ofSum(x: Tensor, y: Tensor, dropout: DropoutNoise | null): Tensor {
    return residualNorm(x, y, { weight: this.weight.value, bias: this.bias.value, eps: this.#eps, dropout });
  }
}

/** One of the places where a model drops elements while it trains. */
export class Dropout extends Module {
  readonly #p: number;
  readonly #place: number;

  /** @param place no other of the model's: two of one number would drop the same */
  constructor(p: number, place: number) {
    super();
    this.#p = p;
    this.#place = place;
  }

  /** What an op that drops is told; null where nothing is dropped. @param keys int64 [B]; null outside of training */
  noise(keys: Tensor | null): DropoutNoise | null {
    return keys === null || this.#p === 0 ? null : { p: this.#p, keys, place: this.#place };
  }

  /** [B, …, D] -> [B, …, D] */
  forward(x: Tensor, keys: Tensor | null): Tensor {
    const noise = this.noise(keys);
    return noise === null ? x : dropout(x, noise);
  }
}
