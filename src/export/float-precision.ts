import { encodeHalf } from "./half.js";
import type { GraphBuilder } from "./onnx/graph-builder.js";
import { bytesOfFloats, matrixShape, type Parameters, transposed } from "./parameters.js";
import type { LinearName, Precision } from "./precision.js";

const WORDS = "embeddings.word.weight";

/** Weights and hidden states in floating point: of 32 bits, or of 16 with inputs and outputs as before. */
export class FloatPrecision implements Precision {
  readonly activations: "float32" | "float16";
  readonly #parameters: Parameters;

  constructor(parameters: Parameters, activations: "float32" | "float16") {
    this.activations = activations;
    this.#parameters = parameters;
  }

  vector(graph: GraphBuilder, parameter: string): string {
    return this.#constant(graph, parameter, this.#parameters.shape(parameter), () =>
      this.#parameters.floats(parameter),
    );
  }

  gather(graph: GraphBuilder, ids: string, table: string): string {
    return graph.add("Gather", [this.vector(graph, table), ids], { name: `${table}.rows` });
  }

  firstRows(graph: GraphBuilder, length: string, table: string): string {
    const [start, axis] = [graph.ints("index.0", [0]), graph.ints("index.0", [0])];
    return graph.add("Slice", [this.vector(graph, table), start, length, axis], { name: `${table}.rows` });
  }

  linear(graph: GraphBuilder, x: string, { name, scaled }: LinearName): string {
    const weight = `${name}.weight`;
    const [outputs, inputs] = matrixShape(this.#parameters, weight);
    const values = () => transposed(withScaledRows(this.#parameters.floats(weight), inputs, scaled), [outputs, inputs]);
    const turned = this.#constant(graph, `${weight}.transposed`, [inputs, outputs], values);
    const product = graph.add("MatMul", [x, turned], { name: `${name}.product` });
    const bias = this.#constant(graph, `${name}.bias`, [outputs], () =>
      withScaledRows(this.#parameters.floats(`${name}.bias`), 1, scaled),
    );
    return graph.add("Add", [product, bias], { name });
  }

  // Gemm reads the table as it lies, so that it is neither stored nor held twice; it takes two dimensions.
  decode(graph: GraphBuilder, x: string): string {
    const [V, D] = matrixShape(this.#parameters, WORDS);
    const flat = graph.add("Reshape", [x, graph.ints("shape.flat", [-1, D])], { name: "mlm.flat" });
    const logits = graph.add("Gemm", [flat, this.vector(graph, WORDS), this.vector(graph, "mlm.bias")], {
      name: "mlm.flatLogits",
      attributes: { transB: { int: 1 } },
    });
    const shape = graph.add("Shape", [x], { name: "mlm.lead", attributes: { end: { int: 2 } } });
    const whole = graph.add("Concat", [shape, graph.ints("shape.vocabulary", [V])], {
      name: "mlm.shape",
      attributes: { axis: { int: 0 } },
    });
    return graph.add("Reshape", [logits, whole], { name: "mlm.logits" });
  }

  #constant(graph: GraphBuilder, name: string, shape: readonly number[], values: () => Float32Array): string {
    const dtype = this.activations;
    const bytes = () => (dtype === "float16" ? encodeHalf(values()) : bytesOfFloats(values()));
    return graph.constant({ name, dtype, shape, bytes });
  }
}

/** A copy with the first rows multiplied, or the values themselves. */
export function withScaledRows(values: Float32Array, columns: number, scaled: LinearName["scaled"]): Float32Array {
  if (scaled === undefined) return values;
  const { rows, factor } = scaled;
  return values.map((value, i) => (i < rows * columns ? value * factor : value));
}
