import type { EncoderConfig } from "../models/config.js";
import type { GraphBuilder } from "./onnx/graph-builder.js";
import type { Precision } from "./precision.js";

/** What a graph reads, by the names of its values. */
export interface GraphInputs {
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

/** The encoder in ONNX's own operators: -> the last hidden states [B, S, D]. */
export function addEncoder(parts: EncoderParts, inputs: GraphInputs): string {
  const mask = addMask(parts, inputs.attentionMask);
  let x = addEmbeddings(parts, inputs);
  for (let layer = 0; layer < parts.config.layers; layer++) x = addLayer(parts, { x, mask, name: `layers.${layer}` });
  return x;
}

/** Word, position and, for BERT, token type embeddings, summed and normalised: -> [B, S, D]. */
export function addEmbeddings(parts: EncoderParts, inputs: GraphInputs): string {
  const { graph, precision } = parts;
  const length = graph.add("Shape", [inputs.inputIds], {
    name: "sequence_length",
    attributes: { start: { int: 1 }, end: { int: 2 } },
  });
  const words = precision.gather(graph, inputs.inputIds, "embeddings.word.weight");
  const positions = precision.firstRows(graph, length, "embeddings.position.weight");
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
export function addMask({ graph, precision }: EncoderParts, attentionMask: string): string {
  const dtype = precision.activations;
  const cast = graph.add("Cast", [attentionMask], { name: "mask.real", attributes: { to: { int: castTo(dtype) } } });
  const padded = graph.add("Sub", [graph.scalar("one", dtype, 1), cast], { name: "mask.padded" });
  const lowest = graph.scalar("mask.lowest", dtype, dtype === "float16" ? -32_752 : -1.7e38);
  const additive = graph.add("Mul", [padded, lowest], { name: "mask.flat" });
  return graph.add("Unsqueeze", [additive, graph.ints("axes.1.2", [1, 2])], { name: "mask" });
}

/** ONNX's number of an element type, as Cast has it. */
export function castTo(dtype: "float32" | "float16"): number {
  return dtype === "float32" ? 1 : 10;
}

function addLayer(parts: EncoderParts, { x, mask, name }: { x: string; mask: string; name: string }): string {
  const { graph, precision } = parts;
  const attended = addAttention(parts, { x, mask, name: `${name}.attention` });
  const first = graph.add("Add", [x, attended], { name: `${name}.attention.residual` });
  const middle = addNorm(parts, first, `${name}.attentionNorm`);
  const up = addActivation(parts, precision.linear(graph, middle, { name: `${name}.ffn.up` }), `${name}.ffn`);
  const down = precision.linear(graph, up, { name: `${name}.ffn.down` });
  const second = graph.add("Add", [middle, down], { name: `${name}.ffn.residual` });
  return addNorm(parts, second, `${name}.ffnNorm`);
}

/** Multi-head self-attention; query, key and value are one product, and 1 / √(D / H) is in the queries' weights. */
function addAttention(parts: EncoderParts, { x, mask, name }: { x: string; mask: string; name: string }): string {
  const { graph, precision, config } = parts;
  const [D, H] = [config.hiddenSize, config.heads];
  const scaled = { rows: D, factor: 1 / Math.sqrt(D / H) };
  const qkv = precision.linear(graph, x, { name: `${name}.qkv`, scaled });
  const outputs = ["query", "key", "value"].map((part) => `${name}.${part}`);
  graph.addWithOutputs("Split", [qkv, graph.ints("sizes.qkv", [D, D, D])], {
    name: `${name}.split`,
    attributes: { axis: { int: -1 } },
    outputs,
  });
  const split = graph.ints("shape.heads", [0, 0, H, D / H]);
  const [q, k, v] = outputs.map((part) => {
    const heads = graph.add("Reshape", [part, split], { name: `${part}.heads` });
    const perm = part.endsWith("key") ? [0, 2, 3, 1] : [0, 2, 1, 3]; // [B, H, D/H, S], or [B, H, S, D/H]
    return graph.add("Transpose", [heads], { name: `${part}.turned`, attributes: { perm: { ints: perm } } });
  }) as [string, string, string];
  const scores = graph.add("MatMul", [q, k], { name: `${name}.scores` });
  const masked = graph.add("Add", [scores, mask], { name: `${name}.masked` });
  const shares = graph.add("Softmax", [masked], { name: `${name}.shares`, attributes: { axis: { int: -1 } } });
  const context = graph.add("MatMul", [shares, v], { name: `${name}.context` });
  const turned = graph.add("Transpose", [context], {
    name: `${name}.context.turned`,
    attributes: { perm: { ints: [0, 2, 1, 3] } },
  });
  const joined = graph.add("Reshape", [turned, graph.ints("shape.joined", [0, 0, D])], { name: `${name}.joined` });
  return precision.linear(graph, joined, { name: `${name}.output` });
}

/** Its statistics are of float32 whatever the hidden states are of. */
export function addNorm({ graph, precision, config }: EncoderParts, x: string, name: string): string {
  const parameters = [`${name}.weight`, `${name}.bias`].map((parameter) => precision.vector(graph, parameter));
  return graph.add("LayerNormalization", [x, ...parameters], {
    name,
    attributes: { axis: { int: -1 }, epsilon: { float: config.layerNormEps }, stash_type: { int: 1 } },
  });
}

/** GELU in the elementary steps that ONNX Runtime recognises and fuses, its tanh approximation, or ReLU. */
export function addActivation({ graph, precision, config }: EncoderParts, x: string, name: string): string {
  if (config.activation === "relu") return graph.add("Relu", [x], { name: `${name}.relu` });
  const number = (value: number, of: string) => graph.scalar(of, precision.activations, value);
  const bell = config.activation === "gelu" ? errorFunction() : tanhApproximation();
  const raised = graph.add("Add", [bell, number(1, "one")], { name: `${name}.gelu.raised` });
  const product = graph.add("Mul", [x, raised], { name: `${name}.gelu.product` });
  return graph.add("Mul", [product, number(0.5, "half")], { name: `${name}.gelu` });

  /** erf(x / √2) */
  function errorFunction(): string {
    const scaled = graph.add("Div", [x, number(Math.SQRT2, "root.two")], { name: `${name}.gelu.scaled` });
    return graph.add("Erf", [scaled], { name: `${name}.gelu.erf` });
  }

  /** tanh(√(2 / π) · (x + 0.044715 x³)) */
  function tanhApproximation(): string {
    const square = graph.add("Mul", [x, x], { name: `${name}.gelu.square` });
    const cube = graph.add("Mul", [square, x], { name: `${name}.gelu.cube` });
    const bent = graph.add("Mul", [cube, number(0.044715, "gelu.bend")], { name: `${name}.gelu.bent` });
    const inner = graph.add("Add", [x, bent], { name: `${name}.gelu.inner` });
    const factor = number(Math.sqrt(2 / Math.PI), "gelu.factor");
    const scaled = graph.add("Mul", [inner, factor], { name: `${name}.gelu.scaled` });
    return graph.add("Tanh", [scaled], { name: `${name}.gelu.tanh` });
  }
}
