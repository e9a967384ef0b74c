import type { GraphBuilder } from "./onnx/graph-builder.js";
import type { Operators } from "./operators.js";
import { bytesOfFloats, matrixShape, type Parameters, transposed } from "./parameters.js";
import { FloatPrecision, type LinearLayer, linearValues, type Precision, WORDS } from "./precision.js";
import { PRODUCT_LEVELS, type QuantisedRows, quantiseRows, TABLE_LEVELS } from "./quantise.js";

/**
 * Weights of one byte with a scale for each output, and inputs rounded to bytes as they come; sums of products are
 * exact, and hidden states float32.
 */
export class Int8Precision implements Precision {
  readonly activations = "float32";
  readonly #floats: FloatPrecision;
  readonly #parameters: Parameters;
  readonly #operators: Operators;
  readonly #isTied: boolean;
  readonly #tables = new Map<string, TwoParts>();

  /** @param options.isTied whether the word embeddings are the output layer too */
  constructor(parameters: Parameters, operators: Operators, options: { isTied: boolean }) {
    this.#floats = new FloatPrecision(parameters, "float32");
    this.#parameters = parameters;
    this.#operators = operators;
    this.#isTied = options.isTied;
  }

  vector(graph: GraphBuilder, parameter: string): string {
    return this.#floats.vector(graph, parameter);
  }

  gather(graph: GraphBuilder, ids: string, table: string): string {
    if (this.#parameters.shape(table)[0] === 2) return this.#floats.gather(graph, ids, table); // Token types.
    const { values, scales } = this.#table(graph, table);
    const rows = graph.add("Gather", [values, ids], { name: `${table}.bytes` });
    const factors = graph.add("Gather", [scales, ids], { name: `${table}.factors` });
    return dequantised(graph, table, { rows, factors });
  }

  firstRows(graph: GraphBuilder, length: string, table: string): string {
    const zero = graph.ints("index.0", [0]);
    const { values, scales } = this.#table(graph, table);
    const rows = graph.add("Slice", [values, zero, length, zero], { name: `${table}.bytes` });
    const factors = graph.add("Slice", [scales, zero, length, zero], { name: `${table}.factors` });
    return dequantised(graph, table, { rows, factors });
  }

  linear(graph: GraphBuilder, x: string, layer: LinearLayer): string {
    const { name } = layer;
    const { inputs, outputs, weight, bias } = linearValues(this.#parameters, layer);
    const quantised = new TwoParts(() => quantiseRows(weight(), inputs, PRODUCT_LEVELS));
    return this.#operators.quantisedLinear(graph, x, {
      name,
      weight: graph.constant({
        ...{ name: `${name}.weight`, dtype: "int8", shape: [inputs, outputs] },
        bytes: () => bytesOf(transposed(quantised.values(), [outputs, inputs])),
      }),
      scales: floatConstant(graph, `${name}.scales`, { shape: [outputs], values: () => quantised.scales() }),
      bias: floatConstant(graph, `${name}.bias`, { shape: [outputs], values: bias }),
    });
  }

  lastLinear(graph: GraphBuilder, x: string, layer: LinearLayer): string {
    return this.#floats.linear(graph, x, layer);
  }

  // The table is turned when the model is loaded: stored twice, it would be a third of the file.
  decode(graph: GraphBuilder, x: string): string {
    const { values } = this.#table(graph, WORDS);
    const [V] = matrixShape(this.#parameters, WORDS);
    const weight = graph.add("Transpose", [values], { name: "mlm.weight", attributes: { perm: { ints: [1, 0] } } });
    const scales = floatConstant(graph, "mlm.scales", { shape: [V], values: () => this.#quantised(WORDS).scales() });
    return this.#operators.quantisedLinear(graph, x, {
      name: "mlm.logits",
      weight,
      scales,
      bias: this.vector(graph, "mlm.bias"),
    });
  }

  #table(graph: GraphBuilder, table: string): { values: string; scales: string } {
    const [rows, columns] = matrixShape(this.#parameters, table);
    const quantised = this.#quantised(table);
    return {
      values: graph.constant({
        ...{ name: table, dtype: "int8", shape: [rows, columns] },
        bytes: () => bytesOf(quantised.values()),
      }),
      scales: floatConstant(graph, `${table}.scales`, { shape: [rows, 1], values: () => quantised.scales() }),
    };
  }

  #quantised(table: string): TwoParts {
    const known = this.#tables.get(table);
    if (known !== undefined) return known;
    const [, columns] = matrixShape(this.#parameters, table);
    const levels = table === WORDS && this.#isTied ? PRODUCT_LEVELS : TABLE_LEVELS;
    const made = new TwoParts(() => quantiseRows(this.#parameters.floats(table), columns, levels));
    this.#tables.set(table, made);
    return made;
  }
}

/** Rows that are rounded when they are written; of what that finds, only the scales are kept, which are written later. */
class TwoParts {
  readonly #compute: () => QuantisedRows;
  #scales: Float32Array | null = null;

  constructor(compute: () => QuantisedRows) {
    this.#compute = compute;
  }

  values(): Int8Array {
    const { values, scales } = this.#compute();
    this.#scales = scales;
    return values;
  }

  scales(): Float32Array {
    return this.#scales ?? this.#compute().scales;
  }
}

function dequantised(graph: GraphBuilder, table: string, { rows, factors }: { rows: string; factors: string }): string {
  const floats = graph.add("Cast", [rows], { name: `${table}.floats`, attributes: { to: { int: 1 } } });
  return graph.add("Mul", [floats, factors], { name: `${table}.rows` });
}

function floatConstant(
  graph: GraphBuilder,
  name: string,
  { shape, values }: { shape: readonly number[]; values: () => Float32Array },
): string {
  return graph.constant({ name, dtype: "float32", shape, bytes: () => bytesOfFloats(values()) });
}

function bytesOf(values: Int8Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
