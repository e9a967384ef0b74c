import type { EncoderConfig } from "../families/config.js";
import type { GraphBuilder } from "./onnx/graph-builder.js";
import type { Operators } from "./operators.js";
import { POSITIONS } from "./parameters.js";
import { numberOf, type Precision } from "./precision.js";

/** What a graph reads, by the names of its values. */
interface GraphInputs {
  /** int64 [B, S] */
  readonly inputIds: string;
  /** int64 [B, S], 1 at real tokens and 0 at padding. */
  readonly attentionMask: string;
  /** int64 [B, S]; null for models without token types. */
  readonly tokenTypeIds: string | null;
}

/** A builder with what all parts of an encoder's graph need. */
export interface EncoderParts {
  readonly graph: GraphBuilder;
  readonly precision: Precision;
  readonly operators: Operators;
  readonly config: EncoderConfig;
}

/** Declares the inputs under the names that transformers and transformers.js give them. */
export function declareInputs({ graph, config }: EncoderParts): GraphInputs {
  const declare = (name: string) => graph.input({ name, dtype: "int64", shape: ["batch_size", "sequence_length"] });
  return {
    inputIds: declare("input_ids"),
    attentionMask: declare("attention_mask"),
    tokenTypeIds: config.tokenTypes > 0 ? declare("token_type_ids") : null,
  };
}

/**
 * The encoder: -> the last hidden states [B, S, D], or [B, 1, D] where only those of the first token are read.
 *
 * @param options.reads which tokens' last hidden states the head reads; the last layer computes no others
 */
export function addEncoder(parts: EncoderParts, inputs: GraphInputs, { reads }: { reads: "all" | "first" }): string {
  const mask = addMask(parts, inputs.attentionMask);
  let x = addEmbeddings(parts, inputs);
  for (let layer = 0; layer < parts.config.layers; layer++) {
    const isLast = layer === parts.config.layers - 1;
    x = addLayer(parts, { x, mask, name: `layers.${layer}`, reads: isLast ? reads : "all" });
  }
  return x;
}

/** Word, position and, where there are any, token type embeddings, summed and normalised: -> [B, S, D]. */
function addEmbeddings(parts: EncoderParts, inputs: GraphInputs): string {
  const { graph, precision } = parts;
  const length = graph.add("Shape", [inputs.inputIds], {
    name: "sequenceLength",
    attributes: { start: { int: 1 }, end: { int: 2 } },
  });
  const words = precision.gather(graph, inputs.inputIds, "embeddings.word.weight");
  const positions = precision.firstRows(graph, length, POSITIONS);
  let sum = graph.add("Add", [words, positions], { name: "embeddings.placed" });
  if (inputs.tokenTypeIds !== null) {
    const types = precision.gather(graph, inputs.tokenTypeIds, "embeddings.tokenType.weight");
    sum = graph.add("Add", [sum, types], { name: "embeddings.sum" });
  }
  return addNorm(parts, sum, "embeddings.norm");
}

/**
 * What is added to attention's scores: 0 at real tokens, half of the lowest number at padding, [B, 1, 1, S].
 *
 * Half of it: with any score added it neither overflows nor rises above any score, and a sequence of padding alone
 * gives numbers where −∞ would give none.
 */
function addMask({ graph, precision: { activations } }: EncoderParts, attentionMask: string): string {
  const to = { int: numberOf(activations) };
  const real = graph.add("Cast", [attentionMask], { name: "mask.real", attributes: { to } });
  const padded = graph.add("Sub", [graph.scalar("one", activations, 1), real], { name: "mask.padded" });
  const lowest = graph.scalar("mask.lowest", activations, activations === "float16" ? -32_752 : -1.7e38);
  const flat = graph.add("Mul", [padded, lowest], { name: "mask.flat" });
  return graph.add("Unsqueeze", [flat, graph.ints("axes.1.2", [1, 2])], { name: "mask" });
}

interface LayerInputs {
  readonly x: string;
  readonly mask: string;
  readonly name: string;
  readonly reads: "all" | "first";
}

function addLayer(parts: EncoderParts, inputs: LayerInputs): string {
  const { graph, precision, operators } = parts;
  const { x, name, reads } = inputs;
  const queried = reads === "all" ? x : firstToken(graph, x, name);
  const attended = addAttention(parts, { ...inputs, queried });
  const first = operators.residual(graph, [queried, attended], `${name}.attention.residual`);
  const middle = addNorm(parts, first, `${name}.attentionNorm`);
  const up = addActivation(
    parts,
    precision.linear(graph, middle, { name: `${name}.ffn.up` }),
    `${name}.ffn.activation`,
  );
  const down = precision.linear(graph, up, { name: `${name}.ffn.down` });
  const second = operators.residual(graph, [middle, down], `${name}.ffn.residual`);
  return addNorm(parts, second, `${name}.ffnNorm`);
}

/** [B, S, D] -> [B, 1, D] */
function firstToken(graph: GraphBuilder, x: string, name: string): string {
  const [zero, one] = [graph.ints("index.0", [0]), graph.ints("index.1", [1])];
  return graph.add("Slice", [x, zero, one, one], { name: `${name}.first` });
}

/** Multi-head self-attention. The queries' weights hold 1 / √(D / H), so that scores need no factor. */
function addAttention(parts: EncoderParts, inputs: LayerInputs & { readonly queried: string }): string {
  const { graph, precision, operators, config } = parts;
  const { mask, reads: queries } = inputs;
  const name = `${inputs.name}.attention`;
  const { heads, hiddenSize } = config;
  const [query, key, value] = queries === "all" ? jointQkv(parts, inputs.x, name) : apartQkv(parts, inputs, name);
  const context = operators.attention(graph, {
    name: `${name}.context`,
    ...{ query, key, value, mask, queries, heads, hiddenSize },
  });
  return precision.linear(graph, context, { name: `${name}.output` });
}

/** One product, and its parts. */
function jointQkv({ graph, precision, config }: EncoderParts, x: string, name: string): [string, string, string] {
  const D = config.hiddenSize;
  const scaled = { outputs: D, factor: queryFactor(config) };
  const qkv = precision.linear(graph, x, { name: `${name}.qkv`, scaled });
  const outputs: [string, string, string] = [`${name}.query`, `${name}.key`, `${name}.value`];
  graph.addWithOutputs("Split", [qkv, graph.ints("sizes.qkv", [D, D, D])], {
    name: `${name}.split`,
    attributes: { axis: { int: -1 } },
    outputs,
  });
  return outputs;
}

/** The queries are of one token, keys and values of all. */
function apartQkv(
  { graph, precision, config }: EncoderParts,
  { x, queried }: { readonly x: string; readonly queried: string },
  name: string,
): [string, string, string] {
  const D = config.hiddenSize;
  const parameter = `${name}.qkv`;
  const scaled = { outputs: D, factor: queryFactor(config) };
  const query = precision.linear(graph, queried, { name: `${name}.query`, parameter, outputs: [0, D], scaled });
  const both = precision.linear(graph, x, { name: `${name}.keyValue`, parameter, outputs: [D, 3 * D] });
  const outputs: [string, string] = [`${name}.key`, `${name}.value`];
  graph.addWithOutputs("Split", [both, graph.ints("sizes.keyValue", [D, D])], {
    name: `${name}.split`,
    attributes: { axis: { int: -1 } },
    outputs,
  });
  return [query, ...outputs];
}

function queryFactor({ hiddenSize, heads }: EncoderConfig): number {
  return 1 / Math.sqrt(hiddenSize / heads);
}

/** Its statistics are of float32 whatever the hidden states are of. */
export function addNorm({ graph, precision, config }: EncoderParts, x: string, name: string): string {
  const parameters = [`${name}.weight`, `${name}.bias`].map((parameter) => precision.vector(graph, parameter));
  return graph.add("LayerNormalization", [x, ...parameters], {
    name,
    attributes: { axis: { int: -1 }, epsilon: { float: config.layerNormEps }, stash_type: { int: 1 } },
  });
}

/** GELU, its tanh approximation, or ReLU. */
export function addActivation(parts: EncoderParts, x: string, name: string): string {
  const { graph, operators, config } = parts;
  if (config.activation === "relu") return graph.add("Relu", [x], { name });
  return config.activation === "gelu" ? operators.gelu(graph, x, name) : addTanhGelu(parts, x, name);
}

/** x · (1 + tanh(√(2 / π) · (x + 0.044715 x³))) · ½ */
function addTanhGelu({ graph, precision: { activations } }: EncoderParts, x: string, name: string): string {
  const number = (of: string, value: number) => graph.scalar(of, activations, value);
  const square = graph.add("Mul", [x, x], { name: `${name}.square` });
  const cube = graph.add("Mul", [square, x], { name: `${name}.cube` });
  const bent = graph.add("Mul", [cube, number("gelu.bend", 0.044715)], { name: `${name}.bent` });
  const inner = graph.add("Add", [x, bent], { name: `${name}.inner` });
  const scaled = graph.add("Mul", [inner, number("gelu.factor", Math.sqrt(2 / Math.PI))], { name: `${name}.scaled` });
  const bell = graph.add("Tanh", [scaled], { name: `${name}.tanh` });
  const raised = graph.add("Add", [bell, number("one", 1)], { name: `${name}.raised` });
  const product = graph.add("Mul", [x, raised], { name: `${name}.product` });
  return graph.add("Mul", [product, number("half", 0.5)], { name });
}
