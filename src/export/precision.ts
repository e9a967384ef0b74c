import { encodeHalf } from "../numbers.js";
import type { GraphBuilder } from "./onnx/graph-builder.js";
import { bytesOfFloats, matrixShape, type Parameters, transposed } from "./parameters.js";

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

/** A linear layer's numbers, ready to be written in some precision. */
interface LinearValues {
  readonly inputs: number;
  readonly outputs: number;
  /** [outputs, inputs], one row an output. */
  readonly weight: () => Float32Array;
  /** [outputs] */
  readonly bias: () => Float32Array;
}

/** The part of a layer's parameters that is asked for, with what is to be scaled scaled. */
export function linearValues(parameters: Parameters, layer: LinearLayer): LinearValues {
  const { name, parameter = name } = layer;
  const [rows, inputs] = matrixShape(parameters, `${parameter}.weight`);
  const [from, to] = layer.outputs ?? [0, rows];
  const take = (suffix: string, columns: number) => () =>
    scaled(parameters.floats(`${parameter}.${suffix}`).subarray(from * columns, to * columns), columns, layer);
  return { inputs, outputs: to - from, weight: take("weight", inputs), bias: take("bias", 1) };
}

function scaled(values: Float32Array, columns: number, { scaled: which }: LinearLayer): Float32Array {
  if (which === undefined) return values;
  const end = which.outputs * columns;
  return values.map((value, i) => (i < end ? value * which.factor : value));
}

/** Weights and hidden states in floating point: of 32 bits, or of 16 with inputs and outputs as before. */
export class FloatPrecision implements Precision {
  readonly activations: "float32" | "float16";
  readonly #parameters: Parameters;

  constructor(parameters: Parameters, activations: "float32" | "float16") {
    this.activations = activations;
    this.#parameters = parameters;
  }

  vector(graph: GraphBuilder, parameter: string): string {
    return this.#constant(graph, parameter, {
      shape: this.#parameters.shape(parameter),
      values: () => this.#parameters.floats(parameter),
    });
  }

  gather(graph: GraphBuilder, ids: string, table: string): string {
    return graph.add("Gather", [this.vector(graph, table), ids], { name: `${table}.rows` });
  }

  firstRows(graph: GraphBuilder, length: string, table: string): string {
    const zero = graph.ints("index.0", [0]);
    return graph.add("Slice", [this.vector(graph, table), zero, length, zero], { name: `${table}.rows` });
  }

  linear(graph: GraphBuilder, x: string, layer: LinearLayer): string {
    const { name } = layer;
    const { inputs, outputs, weight, bias } = linearValues(this.#parameters, layer);
    const turned = this.#constant(graph, `${name}.weight`, {
      shape: [inputs, outputs],
      values: () => transposed(weight(), [outputs, inputs]),
    });
    const product = graph.add("MatMul", [x, turned], { name: `${name}.product` });
    const added = this.#constant(graph, `${name}.bias`, { shape: [outputs], values: bias });
    return graph.add("Add", [product, added], { name });
  }

  lastLinear(graph: GraphBuilder, x: string, layer: LinearLayer): string {
    return this.linear(graph, x, layer);
  }

  // Gemm reads the table as it lies, so that it is neither stored nor held twice; it takes two dimensions.
  decode(graph: GraphBuilder, x: string): string {
    const [V, D] = matrixShape(this.#parameters, WORDS);
    const flat = graph.add("Reshape", [x, graph.ints("shape.flat", [-1, D])], { name: "mlm.flat" });
    const logits = graph.add("Gemm", [flat, this.vector(graph, WORDS), this.vector(graph, "mlm.bias")], {
      name: "mlm.flatLogits",
      attributes: { transB: { int: 1 } },
    });
    const lead = graph.add("Shape", [x], { name: "mlm.lead", attributes: { end: { int: 2 } } });
    const shape = graph.add("Concat", [lead, graph.ints("shape.vocabulary", [V])], {
      name: "mlm.shape",
      attributes: { axis: { int: 0 } },
    });
    return graph.add("Reshape", [logits, shape], { name: "mlm.logits" });
  }

  #constant(
    graph: GraphBuilder,
    name: string,
    { shape, values }: { shape: readonly number[]; values: () => Float32Array },
  ): string {
    const dtype = this.activations;
    const bytes = () => (dtype === "float16" ? encodeHalf(values()) : bytesOfFloats(values()));
    return graph.constant({ name, dtype, shape, bytes });
  }
}
