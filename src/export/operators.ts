import type { GraphBuilder } from "./onnx/graph-builder.js";

/** A linear layer's constants, by their names. */
export interface QuantisedLinear {
  readonly name: string;
  /** int8 [inputs, outputs] */
  readonly weight: string;
  /** float32 [outputs] */
  readonly scales: string;
  /** float32 [outputs] */
  readonly bias: string;
}

/** Queries, keys and values, by their names; queries hold 1 / √(D / H) already. */
export interface AttentionInputs {
  readonly name: string;
  /** [B, Q, D] */
  readonly query: string;
  /** [B, S, D] */
  readonly key: string;
  /** [B, S, D] */
  readonly value: string;
  /** [B, 1, 1, S], added to the scores. */
  readonly mask: string;
  /** Whose queries: Q is S, or 1. */
  readonly queries: "all" | "first";
  readonly heads: number;
  readonly hiddenSize: number;
}

/** The steps of an encoder that ONNX's own operators and ONNX Runtime's write differently. */
export interface Operators {
  /** Operator sets that graphs of these need, by domain. */
  readonly opsets: Readonly<Record<string, number>>;

  /** What a norm reads: x and what a sublayer made of it. */
  residual(graph: GraphBuilder, sides: readonly [string, string], name: string): string;

  /** x · Φ(x) */
  gelu(graph: GraphBuilder, x: string, name: string): string;

  /** -> [B, Q, D] */
  attention(graph: GraphBuilder, inputs: AttentionInputs): string;

  /** [..., inputs] -> [..., outputs], with the inputs rounded to bytes. */
  quantisedLinear(graph: GraphBuilder, x: string, linear: QuantisedLinear): string;
}
