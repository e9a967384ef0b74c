import type { GraphBuilder } from "./onnx/graph-builder.js";

/** A linear layer: x · weightᵀ + bias, with the parameters `name.weight` and `name.bias`. */
export interface LinearName {
  readonly name: string;
  /** Rows of the weight, from the first, that are multiplied by `factor`: the queries' 1 / √(D / H). */
  readonly scaled?: { readonly rows: number; readonly factor: number };
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

  /** [B, S, inputs] or [B, inputs] -> [..., outputs] */
  linear(graph: GraphBuilder, x: string, layer: LinearName): string;

  /** Logits over the vocabulary with the word embeddings as weight, stored once: [B, S, D] -> [B, S, V]. */
  decode(graph: GraphBuilder, x: string): string;
}
