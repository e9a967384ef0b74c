import type { ModelWeights } from "../checkpoint/model-weights.js";
import { FormatError } from "../errors.js";
import type { DType } from "../tensor/dtype.js";
import { decodeBfloat16, decodeHalf } from "./half.js";

/** A model's parameters by our names, read on demand. */
export interface Parameters {
  has(name: string): boolean;
  shape(name: string): readonly number[];
  /** Row-major, whatever dtype the file has. */
  floats(name: string): Float32Array;
}

/** The parameters of a model folder. */
export function parametersOf(weights: ModelWeights): Parameters {
  return {
    has: (name) => weights.has(name),
    shape: (name) => weights.entry(name).shape,
    floats: (name) => decode(weights.read(name), weights.entry(name).dtype, `${weights.path}: ${name}`),
  };
}

/** A parameter's rows and columns. */
export function matrixShape(parameters: Parameters, name: string): [rows: number, columns: number] {
  const [rows = 0, columns = 0] = parameters.shape(name);
  return [rows, columns];
}

function decode(bytes: Uint8Array, dtype: DType, where: string): Float32Array {
  // A view needs an offset that is a multiple of four, which a part of a file may not have.
  if (dtype === "float32") {
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes); // A Buffer's slice would be a view again.
    return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
  }
  if (dtype === "float16") return decodeHalf(bytes);
  if (dtype === "bfloat16") return decodeBfloat16(bytes);
  throw new FormatError(where, `expected float32, float16 or bfloat16, got ${dtype}. Save the model in one of them.`);
}

/** A matrix of `rows` × `columns`, row-major, turned. */
export function transposed<A extends Float32Array | Int8Array>(
  values: A,
  [rows, columns]: readonly [number, number],
): A {
  const turned = values.slice() as A;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned[column * rows + row] = values[row * columns + column] as number;
    }
  }
  return turned;
}

export function bytesOfFloats(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
