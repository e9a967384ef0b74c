import { encodeHalf } from "../../numbers.js";
import type { Attribute, Initializer, OnnxDType, OnnxGraph, OnnxNode, OnnxValue } from "./graph.js";

/** What an operation needs besides its inputs. */
interface NodeOptions {
  /** Of the node, and of its output: "layers.0.ffn.up.product". */
  readonly name: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Default: ONNX's own. */
  readonly domain?: string;
}

/** Collects a graph, operation after operation; a value is known by its name. */
export class GraphBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #computed = new Set<string>();
  readonly #initializers = new Map<string, Initializer>();
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];

  /** Declares an input, and returns its name. */
  input(value: OnnxValue): string {
    this.#inputs.push(value);
    return value.name;
  }

  /** Declares that a value, which bears its name already, is an output. */
  output(value: OnnxValue): void {
    this.#outputs.push(value);
  }

  /** Adds an operation with one output, and returns that output's name. */
  add(op: string, inputs: readonly string[], options: NodeOptions): string {
    this.addWithOutputs(op, inputs, { ...options, outputs: [options.name] });
    return options.name;
  }

  /** Adds an operation whose outputs have names of their own. */
  addWithOutputs(
    op: string,
    inputs: readonly string[],
    { name, attributes = {}, domain = "", outputs }: NodeOptions & { readonly outputs: readonly string[] },
  ): void {
    this.#nodes.push({ op, domain, name, inputs, outputs, attributes });
    for (const output of outputs) this.#computed.add(output);
  }

  /** Whether some operation gives a value of this name. */
  has(name: string): boolean {
    return this.#computed.has(name);
  }

  /** Adds a constant once, whoever asks for it again, and returns its name. */
  constant(initializer: Initializer): string {
    if (!this.#initializers.has(initializer.name)) this.#initializers.set(initializer.name, initializer);
    return initializer.name;
  }

  /** A constant of int64, such as a shape. */
  ints(name: string, values: readonly number[]): string {
    const bytes = () => new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.constant({ name, dtype: "int64", shape: [values.length], bytes });
  }

  /** An index into one dimension, which takes that dimension away. */
  scalarIndex(name: string, index: number): string {
    const bytes = () => new Uint8Array(BigInt64Array.of(BigInt(index)).buffer);
    return this.constant({ name, dtype: "int64", shape: [], bytes });
  }

  /** A constant of one number, without dimensions. */
  scalar(name: string, dtype: Exclude<OnnxDType, "int64">, value: number): string {
    return this.constant({ name, dtype, shape: [], bytes: () => scalarBytes(dtype, value) });
  }

  finish(name: string): OnnxGraph {
    return {
      name,
      nodes: this.#nodes,
      initializers: [...this.#initializers.values()],
      inputs: this.#inputs,
      outputs: this.#outputs,
    };
  }
}

function scalarBytes(dtype: Exclude<OnnxDType, "int64">, value: number): Uint8Array {
  if (dtype === "float16") return encodeHalf(Float32Array.of(value));
  const array = { float32: Float32Array, int32: Int32Array, int8: Int8Array, uint8: Uint8Array }[dtype];
  return new Uint8Array(array.of(value).buffer);
}
