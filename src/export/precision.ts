import type { GraphBuilder } from "./onnx/graph-builder.js";

/** A linear layer, x · weightᵀ + bias, or some of its outputs. */
export interface LinearLayer {
  /** Of the layer in the graph, and of its output. */
  readonly name: string;
  /** Our name of its parameters, without ".weight" and ".bias". Default: `name`. */
  readonly parameter?: string;
  /** Which outputs, from and up to. Default: all. */
  readonly outputs?: readonly [number, number];
  /** So many outputs, from the first, are multiplied by `factor`: the queries' 1 / √(D / H). */
  readonly scaled?: { readonly outputs: number; readonly factor: number };
}

/** How a model's numbers are held and multiplied; the graph around them is the same. */
export interface Precision {
  /** What hidden states are computed in; inputs are int64 and outputs float32 whatever this is. */
  readonly activations: "float32" | "float16";

  /** Parameters that are not products: biases, norms. Returns the constant's name. */
  vector(graph: GraphBuilder, parameter: string): string;

  /** Rows of a table by their ids: int64 [...] -> [..., D]. */
  gather(graph: GraphBuilder, ids: string, table: string): string;

  /** The first S rows of a table, where `length` is S as int64 [1]: -> [S, D]. */
  firstRows(graph: GraphBuilder, length: string, table: string): string;

  /** [..., inputs] -> [..., outputs] */
  linear(graph: GraphBuilder, x: string, layer: LinearLayer): string;

  /** A linear layer at the end of a head, which is small and is kept as exact as hidden states are. */
  lastLinear(graph: GraphBuilder, x: string, layer: LinearLayer): string;

  /** Logits over the vocabulary with the word embeddings as weight, stored once: [B, S, D] -> [B, S, V]. */
  decode(graph: GraphBuilder, x: string): string;
}

/** The table of word embeddings, which is the output layer of masked-language models too. */
export const WORDS = "embeddings.word.weight";

/** ONNX's number of an element type, as Cast has it. */
export function numberOf(dtype: "float32" | "float16"): number {
  return dtype === "float32" ? 1 : 10;
}
