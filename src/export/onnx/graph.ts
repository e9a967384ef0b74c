/** Element types of tensors in a graph. */
export type OnnxDType = "float32" | "float16" | "int8" | "uint8" | "int32" | "int64";

/** A constant of a graph; its bytes are asked for when they are written, so that a model is not in memory twice. */
export interface Initializer {
  readonly name: string;
  readonly dtype: OnnxDType;
  readonly shape: readonly number[];
  /** Row-major, little endian. */
  readonly bytes: () => Uint8Array;
}

export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly text: string }
  | { readonly ints: readonly number[] };

/** One operation; an empty input name is an input left out. */
export interface OnnxNode {
  readonly op: string;
  /** "" for ONNX's own operators. */
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** An input or output of a graph. */
export interface OnnxValue {
  readonly name: string;
  readonly dtype: OnnxDType;
  /** A name stands for a size that is known only when the graph runs. */
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

const sizes: Record<OnnxDType, number> = { float32: 4, float16: 2, int8: 1, uint8: 1, int32: 4, int64: 8 };

export function elementBytes(dtype: OnnxDType): number {
  return sizes[dtype];
}

export function initializerBytes({ dtype, shape }: Pick<Initializer, "dtype" | "shape">): number {
  return shape.reduce((product, size) => product * size, elementBytes(dtype));
}
