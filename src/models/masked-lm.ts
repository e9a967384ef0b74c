import { LayerNorm, Linear } from "../engine/nn/layers.js";
import { Module, type Parameter } from "../engine/nn/module.js";
import { linear } from "../engine/tensor/ops.js";
import type { Tensor } from "../engine/tensor/tensor.js";
import type { EncoderConfig } from "../families/config.js";
import { activationOf, Encoder, type EncoderInput } from "./encoder.js";

/** Dense, activation and norm, then the word embeddings as the output layer, with a bias of its own. */
class MaskedLmHead extends Module {
  readonly #transform: Linear;
  readonly #norm: LayerNorm;
  readonly #activation: (x: Tensor) => Tensor;
  readonly bias: Parameter;

  constructor(config: EncoderConfig) {
    super();
    this.#transform = this.module(
      "transform",
      new Linear(config.hiddenSize, config.hiddenSize, { std: config.initializerRange }),
    );
    this.#norm = this.module("norm", new LayerNorm(config.hiddenSize, config.layerNormEps));
    this.#activation = activationOf(config);
    this.bias = this.parameter("bias", { shape: [config.vocabSize], init: { fill: 0 }, decay: false });
  }

  /** [..., D] -> [..., D] */
  forward(hidden: Tensor): Tensor {
    return this.#norm.forward(this.#activation(this.#transform.forward(hidden)));
  }
}

/** An encoder with a masked-language-model head. */
export class MaskedLm extends Module {
  readonly config: EncoderConfig;
  readonly encoder: Encoder;
  readonly head: MaskedLmHead;

  constructor(config: EncoderConfig) {
    super();
    this.config = { ...config, pooler: false };
    this.encoder = new Encoder(this.config);
    this.head = new MaskedLmHead(config);
  }

  /** The encoder's names stand bare, the head's under "mlm": the canonical names of a checkpoint. */
  override *namedParameters(prefix = ""): Generator<[name: string, parameter: Parameter]> {
    yield* this.encoder.namedParameters(prefix);
    yield* this.head.namedParameters(`${prefix}mlm.`);
  }

  /** The tied output layer, [V, D]. */
  get outputWeight(): Tensor {
    return this.encoder.embeddings.word.weight.value;
  }

  /** What the output layer reads: hidden states [..., D] -> [..., D]. */
  transform(hidden: Tensor): Tensor {
    return this.head.forward(hidden);
  }

  /** Logits over the vocabulary: transformed hidden states [..., D] -> [..., V]. */
  decode(transformed: Tensor): Tensor {
    return linear(transformed, this.outputWeight, this.head.bias.value);
  }

  /** Logits [B, S, V] at every position. Training computes its losses in chunks instead. */
  forward(input: EncoderInput, options: { training: boolean }): Tensor {
    return this.decode(this.transform(this.encoder.forward(input, options)));
  }
}
