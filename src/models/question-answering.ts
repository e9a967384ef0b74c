import { Dropout, Linear } from "../engine/nn/layers.js";
import { Module, type Parameter } from "../engine/nn/module.js";
import type { Tensor } from "../engine/tensor/tensor.js";
import type { EncoderConfig } from "../families/config.js";
import { dropoutKeys, dropoutPlace, Encoder, type EncoderInput } from "./encoder.js";

/** An encoder that says for every position how likely an answer starts and ends there. */
export class QuestionAnswering extends Module {
  readonly config: EncoderConfig;
  readonly encoder: Encoder;
  readonly #outputs: Linear;
  readonly #dropout: Dropout;

  constructor(config: EncoderConfig) {
    super();
    this.config = { ...config, pooler: false };
    this.encoder = new Encoder(this.config);
    this.#outputs = this.module("qaOutputs", new Linear(config.hiddenSize, 2, { std: config.initializerRange }));
    this.#dropout = new Dropout(config.answerDropout, dropoutPlace("head"));
  }

  /** The encoder's names stand bare: the canonical names of a checkpoint. */
  override *namedParameters(prefix = ""): Generator<[name: string, parameter: Parameter]> {
    yield* this.encoder.namedParameters(prefix);
    yield* super.namedParameters(prefix);
  }

  /** Logits of start and end, [B, S, 2]. */
  forward(input: EncoderInput, options: { training: boolean }): Tensor {
    const hidden = this.encoder.forward(input, options);
    return this.#outputs.forward(this.#dropout.forward(hidden, dropoutKeys(input, options)));
  }
}
