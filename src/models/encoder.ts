import { Dropout, Embedding, LayerNorm, Linear } from "../engine/nn/layers.js";
import { Module } from "../engine/nn/module.js";
import { arange } from "../engine/tensor/create.js";
import { gelu, selfAttention } from "../engine/tensor/ops.js";
import { tidy } from "../engine/tensor/scope.js";
import type { Tensor } from "../engine/tensor/tensor.js";
import { ConfigError, ShapeError } from "../errors.js";
import type { EncoderConfig } from "../families/config.js";

/** What an encoder reads. */
export interface EncoderInput {
  /** int64 [B, S] */
  inputIds: Tensor;
  /** f32 [B, 1, 1, S], 0 where a position is real and −∞ where it is padding; null where nothing is. */
  mask: Tensor | null;
  /** int64 [B, S]; null means all of type 0. Only for models with token types. */
  tokenTypeIds?: Tensor | null;
  /** int64 [B], where each sequence starts in the position table; null means all at 0. */
  firstPositions?: Tensor | null;
  /** int64 [B], 64 random bits of each sequence, which dropout's noise follows from; training needs them. */
  noiseKeys?: Tensor | null;
}

/** Where models drop elements. */
const DROPOUTS = ["embeddings", "attentionWeights", "attentionOutput", "feedForward", "head"] as const;

/** @internal The place of a dropout; embeddings and head are of no layer. */
export function dropoutPlace(name: (typeof DROPOUTS)[number], layer = 0): number {
  return layer * DROPOUTS.length + DROPOUTS.indexOf(name);
}

/**
 * The keys of a pass's noise; null where nothing is dropped.
 *
 * @internal
 * @throws ShapeError when training has none
 */
export function dropoutKeys({ noiseKeys = null }: EncoderInput, { training }: { training: boolean }): Tensor | null {
  if (training && noiseKeys === null) throw new ShapeError("training needs noiseKeys, one for each sequence");
  return training ? noiseKeys : null;
}

/** Word, position and, where there are any, token type embeddings, summed and normalised. */
class Embeddings extends Module {
  readonly word: Embedding;
  readonly position: Embedding;
  readonly tokenType: Embedding | null;
  readonly norm: LayerNorm;
  readonly #config: EncoderConfig;
  readonly #dropout: Dropout;

  constructor(config: EncoderConfig) {
    super();
    this.#config = config;
    const { positionOffset, maxPositions } = config;
    const init = { std: config.initializerRange };
    this.word = this.module("word", new Embedding(config.vocabSize, config.hiddenSize, init));
    this.position = this.module("position", new Embedding(positionOffset + maxPositions, config.hiddenSize, init));
    this.tokenType =
      config.tokenTypes > 0
        ? this.module("tokenType", new Embedding(config.tokenTypes, config.hiddenSize, init))
        : null;
    this.norm = this.module("norm", new LayerNorm(config.hiddenSize, config.layerNormEps));
    this.#dropout = new Dropout(config.dropout, dropoutPlace("embeddings"));
  }

  /** The position table from the row of a sequence's first token, [maxPositions, D]: a view. */
  get positions(): Tensor {
    return this.position.weight.value.narrow(0, this.#config.positionOffset, this.#config.maxPositions);
  }

  /** [B, S] -> [B, S, D] */
  forward({ inputIds, tokenTypeIds = null, firstPositions = null }: EncoderInput, keys: Tensor | null): Tensor {
    const [, S] = inputIds.dims(2);
    const { positionOffset } = this.#config;
    const rows = arange(positionOffset + S, { device: inputIds.device }).narrow(0, positionOffset, S);
    const positions = firstPositions === null ? rows : firstPositions.unsqueeze(1).add(rows); // [S] or [B, S]
    let x = this.word.forward(inputIds).add(this.position.forward(positions));
    if (this.tokenType !== null) {
      x = x.add(
        tokenTypeIds === null ? this.tokenType.weight.value.select(0, 0) : this.tokenType.forward(tokenTypeIds),
      );
    } else if (tokenTypeIds !== null) {
      throw new ShapeError("token type ids were given to a model without token types");
    }
    return this.#dropout.forward(this.norm.forward(x), keys);
  }
}

/** Multi-head self-attention; query, key and value are one product. */
class SelfAttention extends Module {
  readonly qkv: Linear;
  readonly output: Linear;
  readonly #heads: number;
  readonly #dropout: Dropout;

  constructor(config: EncoderConfig, layer: number) {
    super();
    const init = { std: config.initializerRange };
    this.qkv = this.module("qkv", new Linear(config.hiddenSize, 3 * config.hiddenSize, init));
    this.output = this.module("output", new Linear(config.hiddenSize, config.hiddenSize, init));
    this.#heads = config.heads;
    this.#dropout = new Dropout(config.attentionDropout, dropoutPlace("attentionWeights", layer));
  }

  /** [B, S, D] -> [B, S, D] */
  forward(x: Tensor, mask: Tensor | null, keys: Tensor | null): Tensor {
    const dropout = this.#dropout.noise(keys);
    return this.output.forward(selfAttention(this.qkv.forward(x), { heads: this.#heads, mask, dropout }));
  }
}

class FeedForward extends Module {
  readonly up: Linear;
  readonly down: Linear;
  readonly #activation: (x: Tensor) => Tensor;

  constructor(config: EncoderConfig) {
    super();
    const init = { std: config.initializerRange };
    this.up = this.module("up", new Linear(config.hiddenSize, config.intermediateSize, init));
    this.down = this.module("down", new Linear(config.intermediateSize, config.hiddenSize, init));
    this.#activation = activationOf(config);
  }

  forward(x: Tensor): Tensor {
    return this.down.forward(this.#activation(this.up.forward(x)));
  }
}

/** One post-norm transformer layer, as BERT has it. */
class EncoderLayer extends Module {
  readonly #attention: SelfAttention;
  readonly #attentionNorm: LayerNorm;
  readonly #ffn: FeedForward;
  readonly #ffnNorm: LayerNorm;
  readonly #attentionOutputDropout: Dropout;
  readonly #ffnDropout: Dropout;

  constructor(config: EncoderConfig, layer: number) {
    super();
    this.#attention = this.module("attention", new SelfAttention(config, layer));
    this.#attentionNorm = this.module("attentionNorm", new LayerNorm(config.hiddenSize, config.layerNormEps));
    this.#ffn = this.module("ffn", new FeedForward(config));
    this.#ffnNorm = this.module("ffnNorm", new LayerNorm(config.hiddenSize, config.layerNormEps));
    const attentionOutput = config.attentionOutputDropout ? config.dropout : 0;
    this.#attentionOutputDropout = new Dropout(attentionOutput, dropoutPlace("attentionOutput", layer));
    this.#ffnDropout = new Dropout(config.dropout, dropoutPlace("feedForward", layer));
  }

  /** [B, S, D], [B, 1, 1, S] -> [B, S, D] */
  forward(x: Tensor, mask: Tensor | null, keys: Tensor | null): Tensor {
    const attended = this.#attention.forward(x, mask, keys);
    x = this.#attentionNorm.ofSum(x, attended, this.#attentionOutputDropout.noise(keys));
    return this.#ffnNorm.ofSum(x, this.#ffn.forward(x), this.#ffnDropout.noise(keys));
  }
}

/** The one encoder, of whatever family: its config says what it is built of. */
export class Encoder extends Module {
  readonly config: EncoderConfig;
  readonly embeddings: Embeddings;
  readonly #layers: EncoderLayer[];
  readonly #pooler: Linear | null;

  /** @throws ConfigError when the heads do not divide the hidden size */
  constructor(config: EncoderConfig) {
    super();
    if (config.hiddenSize % config.heads !== 0) {
      throw new ConfigError(`hidden size ${config.hiddenSize} is not a multiple of ${config.heads} attention heads`);
    }
    this.config = config;
    this.embeddings = this.module("embeddings", new Embeddings(config));
    this.#layers = Array.from({ length: config.layers }, (_, i) =>
      this.module(`layers.${i}`, new EncoderLayer(config, i)),
    );
    this.#pooler = config.pooler
      ? this.module("pooler", new Linear(config.hiddenSize, config.hiddenSize, { std: config.initializerRange }))
      : null;
  }

  /**
   * The last hidden states [B, S, D]; those below are freed as soon as the next layer has read them.
   *
   * @throws ShapeError when S is above the position table
   */
  forward(input: EncoderInput, options: { training: boolean }): Tensor {
    let last: Tensor | null = null;
    for (const hidden of this.#states(input, options)) {
      last?.dispose(); // Autograd keeps what it needs.
      last = hidden;
    }
    return last as Tensor;
  }

  /**
   * The embeddings and every layer's output, layers + 1 of [B, S, D].
   *
   * @throws ShapeError when S is above the position table
   */
  hiddenStates(input: EncoderInput, options: { training: boolean }): Tensor[] {
    return [...this.#states(input, options)];
  }

  *#states(input: EncoderInput, options: { training: boolean }): Generator<Tensor> {
    const [, S] = input.inputIds.dims(2);
    if (S > this.config.maxPositions) {
      throw new ShapeError(`sequences of ${S} tokens do not fit a position table of ${this.config.maxPositions}`);
    }
    const keys = dropoutKeys(input, options);
    let x = tidy(() => this.embeddings.forward(input, keys));
    yield x;
    for (const layer of this.#layers) {
      x = tidy(() => layer.forward(x, input.mask, keys));
      yield x;
    }
  }

  /** tanh(W h_[CLS] + b) of the last hidden states: [B, S, D] -> [B, D]. */
  pool(hidden: Tensor): Tensor {
    if (this.#pooler === null) throw new ShapeError("this encoder has no pooler");
    return this.#pooler.forward(hidden.select(1, 0)).tanh();
  }
}

/** @internal */
export function activationOf({ activation }: EncoderConfig): (x: Tensor) => Tensor {
  if (activation === "relu") return (x) => x.relu();
  return (x) => gelu(x, activation === "gelu_new" ? "tanh" : "none");
}
