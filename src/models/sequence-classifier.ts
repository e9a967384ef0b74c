import { Dropout, Linear } from "../engine/nn/layers.js";
import { Module, type Parameter } from "../engine/nn/module.js";
import type { Tensor } from "../engine/tensor/tensor.js";
import type { EncoderConfig } from "../families/config.js";
import { dropoutKeys, dropoutPlace, Encoder, type EncoderInput } from "./encoder.js";

/**
 * An encoder that judges a text by its first hidden state, through the encoder's pooler (BertForSequenceClassification)
 * or a layer of its own (DistilBertForSequenceClassification), by its config.
 */
export class SequenceClassifier extends Module {
  readonly config: EncoderConfig;
  readonly encoder: Encoder;
  /** 1 for regression. */
  readonly labelCount: number;
  readonly #preClassifier: Linear | null;
  readonly #classifier: Linear;
  readonly #dropout: Dropout;

  constructor(config: EncoderConfig, labelCount: number) {
    super();
    const hasPooler = config.preClassifier === null;
    this.config = { ...config, pooler: hasPooler };
    this.labelCount = labelCount;
    const { hiddenSize } = config;
    const init = { std: config.initializerRange };
    this.encoder = new Encoder(this.config);
    this.#preClassifier = hasPooler ? null : this.module("preClassifier", new Linear(hiddenSize, hiddenSize, init));
    this.#classifier = this.module("classifier", new Linear(hiddenSize, labelCount, init));
    this.#dropout = new Dropout(config.classifierDropout ?? config.dropout, dropoutPlace("head"));
  }

  /** The encoder's names stand bare: the canonical names of a checkpoint. */
  override *namedParameters(prefix = ""): Generator<[name: string, parameter: Parameter]> {
    yield* this.encoder.namedParameters(prefix);
    yield* super.namedParameters(prefix);
  }

  /** Logits [B, labels], or scores [B, 1]. */
  forward(input: EncoderInput, options: { training: boolean }): Tensor {
    const hidden = this.encoder.forward(input, options);
    const first =
      this.#preClassifier === null
        ? this.encoder.pool(hidden)
        : this.#preClassifier.forward(hidden.select(1, 0)).relu();
    return this.#classifier.forward(this.#dropout.forward(first, dropoutKeys(input, options)));
  }
}
