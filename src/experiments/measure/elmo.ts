import { Embedding, Linear } from "../../engine/nn/layers.js";
import { Module, type Parameter } from "../../engine/nn/module.js";
import { zeros } from "../../engine/tensor/create.js";
import { cat, conv1d, linear } from "../../engine/tensor/ops.js";
import { tidy } from "../../engine/tensor/scope.js";
import type { Tensor } from "../../engine/tensor/tensor.js";

/** The shape of an ELMo encoder. */
export interface ElmoConfig {
  /** Rows of the character table: 256 bytes, five marks, and one for nothing. */
  characters: number;
  /** Characters of a word, its two marks included. */
  maxCharacters: number;
  characterSize: number;
  /** Convolutions over a word's characters. */
  filters: readonly { readonly width: number; readonly count: number }[];
  highways: number;
  /** Size of a word's vector, and of a cell's output. */
  projection: number;
  /** Cells of each direction of each layer. */
  cells: number;
  layers: number;
  /** Memories and outputs are kept in [−clip, clip]. */
  clip: number;
}

/**
 * The published "original" ELMo, 93.6 M parameters.
 *
 * Source: Peters et al. 2018; AllenNLP, elmo_2x4096_512_2048cnn_2xhighway_5.5B_options.json.
 */
export const elmoOriginal: ElmoConfig = {
  characters: 262,
  maxCharacters: 50,
  characterSize: 16,
  filters: [32, 32, 64, 128, 256, 512, 1024].map((count, i) => ({ width: i + 1, count })),
  highways: 2,
  projection: 512,
  cells: 4096,
  layers: 2,
  clip: 3,
};

/** One convolution over characters: the largest answer of each filter along the word. */
class CharacterConvolution extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(inputs: number, { width, count }: ElmoConfig["filters"][number]) {
    super();
    const init = { std: 1 / Math.sqrt(inputs * width) };
    this.weight = this.parameter("weight", { shape: [count, inputs, width], init, decay: true });
    this.bias = this.parameter("bias", { shape: [count], init: { fill: 0 }, decay: false });
  }

  /** [N, characterSize, C] -> [N, count] */
  forward(x: Tensor): Tensor {
    return conv1d(x, this.weight.value, this.bias.value).amax([-1]).relu();
  }
}

/** gate · x + (1 − gate) · relu(W x + b), with gate = σ(W' x + b'); both products are one. */
class Highway extends Module {
  readonly #both: Linear;
  readonly #size: number;

  constructor(size: number) {
    super();
    this.#both = this.module("both", new Linear(size, 2 * size, { std: 1 / Math.sqrt(size) }));
    this.#size = size;
  }

  /** [N, size] -> [N, size] */
  forward(x: Tensor): Tensor {
    const both = this.#both.forward(x);
    const changed = both.narrow(1, 0, this.#size).relu();
    const gate = both.narrow(1, this.#size, this.#size).sigmoid();
    return changed.add(gate.mul(x.sub(changed)));
  }
}

/** A word's vector from its characters. */
class CharacterEncoder extends Module {
  readonly embeddings: Embedding;
  readonly convolutions: CharacterConvolution[];
  readonly highways: Highway[];
  readonly projection: Linear;

  constructor(config: ElmoConfig) {
    super();
    const { characters, characterSize, filters, projection } = config;
    const size = filters.reduce((sum, { count }) => sum + count, 0);
    this.embeddings = this.module("embeddings", new Embedding(characters, characterSize, { std: 1 }));
    this.convolutions = filters.map((filter, i) =>
      this.module(`convolutions.${i}`, new CharacterConvolution(characterSize, filter)),
    );
    this.highways = Array.from({ length: config.highways }, (_, i) => this.module(`highways.${i}`, new Highway(size)));
    this.projection = this.module("projection", new Linear(size, projection, { std: 1 / Math.sqrt(size) }));
  }

  /** int64 [B, S, C] -> [B, S, projection] */
  forward(characters: Tensor): Tensor {
    const [B, S, C] = characters.dims(3);
    const embedded = this.embeddings.forward(characters.view([B * S, C])).transpose(1, 2);
    let x = cat(
      this.convolutions.map((convolution) => convolution.forward(embedded)),
      1,
    );
    for (const highway of this.highways) x = highway.forward(x);
    return this.projection.forward(x).view([B, S, -1]);
  }
}

/**
 * One direction of one LSTM layer, its output projected and clipped: AllenNLP's LstmCellWithProjection.
 *
 * A loop over libtorch's products rather than its lstm, which has no clipping and a second bias that ELMo has not. The
 * input's product is taken for all words at once, where AllenNLP takes it word by word.
 */
class ProjectedLstm extends Module {
  readonly inputWeight: Parameter;
  readonly stateWeight: Parameter;
  readonly stateBias: Parameter;
  readonly projectionWeight: Parameter;
  readonly #config: ElmoConfig;
  readonly #isBackward: boolean;

  constructor(config: ElmoConfig, direction: "forward" | "backward") {
    super();
    const { projection, cells } = config;
    const init = { std: 1 / Math.sqrt(projection) };
    this.inputWeight = this.parameter("input.weight", { shape: [4 * cells, projection], init, decay: true });
    this.stateWeight = this.parameter("state.weight", { shape: [4 * cells, projection], init, decay: true });
    this.stateBias = this.parameter("state.bias", { shape: [4 * cells], init: { fill: 0 }, decay: false });
    this.projectionWeight = this.parameter("projection.weight", {
      shape: [projection, cells],
      init: { std: 1 / Math.sqrt(cells) },
      decay: true,
    });
    this.#config = config;
    this.#isBackward = direction === "backward";
  }

  /** [B, S, projection] -> [B, S, projection]; both states start at 0. */
  forward(x: Tensor): Tensor {
    const [B, S] = x.dims(3);
    const inputs = linear(x, this.inputWeight.value, null); // [B, S, 4 · cells]
    let state = { hidden: zeros([B, this.#config.projection]), memory: zeros([B, this.#config.cells]) };
    const outputs: Tensor[] = [];
    for (let i = 0; i < S; i++) {
      const word = this.#isBackward ? S - 1 - i : i;
      state = tidy(() => this.#step(inputs.select(1, word), state));
      outputs[word] = state.hidden.unsqueeze(1);
    }
    return cat(outputs, 1);
  }

  /** Gates in the order input, forget, memory, output; in f32 where products are not. */
  #step(input: Tensor, { hidden, memory }: { hidden: Tensor; memory: Tensor }): { hidden: Tensor; memory: Tensor } {
    const { cells, clip } = this.#config;
    const gates = input.add(linear(hidden, this.stateWeight.value, this.stateBias.value)).to("float32");
    const gate = (i: number) => gates.narrow(1, i * cells, cells);
    const added = gate(0).sigmoid().mul(gate(2).tanh());
    const next = added.add(gate(1).sigmoid().mul(memory)).clamp(-clip, clip);
    const output = linear(gate(3).sigmoid().mul(next.tanh()), this.projectionWeight.value, null);
    return { hidden: output.clamp(-clip, clip), memory: next };
  }
}

/** γ Σ softmax(w)_i · layer_i. */
class LayerMix extends Module {
  readonly weights: Parameter;
  readonly gamma: Parameter;

  constructor(layers: number) {
    super();
    this.weights = this.parameter("weights", { shape: [layers], init: { fill: 0 }, decay: false });
    this.gamma = this.parameter("gamma", { shape: [1], init: { fill: 1 }, decay: false });
  }

  forward(layers: readonly Tensor[]): Tensor {
    const shares = this.weights.value.softmax().mul(this.gamma.value).unbind();
    return layers.map((layer, i) => layer.mul(shares[i] as Tensor)).reduce((sum, layer) => sum.add(layer));
  }
}

/**
 * ELMo's encoder: characters, then two language models' LSTMs, one reading forwards and one backwards, neither of which
 * sees the other; what a task adds on top is not here.
 *
 * Each sentence starts from zero states, where AllenNLP carries them on from the batch before.
 *
 * Source: Peters et al. 2018, section 3.
 */
export class Elmo extends Module {
  readonly config: ElmoConfig;
  readonly words: CharacterEncoder;
  readonly forwards: readonly ProjectedLstm[];
  readonly backwards: readonly ProjectedLstm[];
  readonly mix: LayerMix;

  constructor(config: ElmoConfig) {
    super();
    this.config = config;
    this.words = this.module("words", new CharacterEncoder(config));
    const stack = (direction: "forward" | "backward") =>
      Array.from({ length: config.layers }, (_, i) =>
        this.module(`${direction}.${i}`, new ProjectedLstm(config, direction)),
      );
    this.forwards = stack("forward");
    this.backwards = stack("backward");
    this.mix = this.module("mix", new LayerMix(config.layers + 1));
  }

  /**
   * The words' vectors, start and end of the sentence left out.
   *
   * @param characters int64 [B, S, C] of `elmoCharacterIds`: sentences of one length, since there is no mask
   * @returns [B, S − 2, 2 · projection]
   */
  forward(characters: Tensor): Tensor {
    return tidy(() => {
      const mixed = this.mix.forward(this.layers(characters));
      const [, S] = mixed.dims(3);
      return mixed.narrow(1, 1, S - 2);
    });
  }

  /** The words' own vectors, given twice, and every layer's output: layers + 1 of [B, S, 2 · projection]. */
  layers(characters: Tensor): Tensor[] {
    const words = tidy(() => this.words.forward(characters));
    const ahead = outputsOf(this.forwards, words);
    const back = outputsOf(this.backwards, words);
    return ahead.map((layer, i) => cat([layer, back[i] as Tensor], 2));
  }
}

/** The input and every layer's output; from the second layer on, what it read is added to what it says. */
function outputsOf(layers: readonly ProjectedLstm[], input: Tensor): Tensor[] {
  const outputs = [input];
  for (const [i, layer] of layers.entries()) {
    const below = outputs[i] as Tensor;
    outputs.push(tidy(() => (i === 0 ? layer.forward(below) : layer.forward(below).add(below))));
  }
  return outputs;
}

/** Ids beside the 256 bytes; all ids are written one higher, since 0 is the row of nothing. */
const SENTENCE_START = 256;
const SENTENCE_END = 257;
const WORD_START = 258;
const WORD_END = 259;
const PADDING = 260;
const SHIFT = 1;

/** Runs of letters and digits, with an apostrophe's ending, and every other sign by itself. */
const WORD = /[\p{L}\p{M}\p{N}]+(?:['’]\p{L}+)?|[^\s\p{L}\p{M}\p{N}]/gu;

/** A text's words and signs, letters as they are written: ELMo does not lower-case. */
export function elmoWords(text: string): string[] {
  return text.match(WORD) ?? [];
}

/**
 * A sentence as ELMo reads it: for the start, each word and the end, the word's UTF-8 bytes between two marks.
 *
 * @param maxCharacters of a row, marks included; a longer word is cut, a shorter one padded
 * @returns (words + 2) rows of `maxCharacters`
 * Source: Peters et al. 2018; ids of AllenNLP, ELMoCharacterMapper.
 */
export function elmoCharacterIds(words: readonly string[], maxCharacters: number): Int32Array {
  const rows = [[SENTENCE_START], ...words.map((word) => new TextEncoder().encode(word)), [SENTENCE_END]];
  const ids = new Int32Array(rows.length * maxCharacters).fill(PADDING + SHIFT);
  for (const [row, characters] of rows.entries()) {
    const kept = characters.slice(0, maxCharacters - 2);
    const start = row * maxCharacters;
    ids[start] = WORD_START + SHIFT;
    for (const [i, character] of kept.entries()) ids[start + 1 + i] = character + SHIFT;
    ids[start + 1 + kept.length] = WORD_END + SHIFT;
  }
  return ids;
}
