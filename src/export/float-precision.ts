import { encodeHalf } from "../numbers.js";
import { linearValues } from "./linear-values.js";
import type { GraphBuilder } from "./onnx/graph-builder.js";
import { bytesOfFloats, matrixShape, type Parameters, transposed } from "./parameters.js";
import { type LinearLayer, type Precision, WORDS } from "./precision.js";

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
