import type { DType } from "../engine/tensor/dtype.js";
import { FormatError } from "../errors.js";
import type { EncoderConfig } from "../families/config.js";
import type { TensorReader } from "../hub/safetensors.js";
import { decodeBfloat16, decodeHalf } from "../numbers.js";

/** The table of learned positions. */
export const POSITIONS = "embeddings.position.weight";

/** Named tensors that are read on demand: a model folder's weights, or these with fewer rows. */
export type WeightSource = Pick<TensorReader, "has" | "entry" | "read">;

/** A model's parameters by our names, as numbers. */
export interface Parameters {
  shape(name: string): readonly number[];
  /** Row-major, whatever dtype the file has. */
  floats(name: string): Float32Array;
}

/**
 * A model's parameters as its graph holds them: the position table begins with the row of the first token.
 *
 * @param path named in errors
 */
export function parametersOf(
  weights: WeightSource,
  path: string,
  { positionOffset }: Pick<EncoderConfig, "positionOffset">,
): Parameters {
  const skipped = (name: string) => (name === POSITIONS ? positionOffset : 0);
  return {
    shape: (name) => {
      const [rows = 0, ...rest] = weights.entry(name).shape;
      return [rows - skipped(name), ...rest];
    },
    floats: (name) => {
      const { dtype, shape } = weights.entry(name);
      return decode(weights.read(name), dtype, `${path}: ${name}`).subarray(skipped(name) * (shape[1] ?? 0));
    },
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
  const words = () => new Uint16Array(new Uint8Array(bytes).buffer);
  if (dtype === "float16") return decodeHalf(words());
  if (dtype === "bfloat16") return decodeBfloat16(words());
  throw new FormatError(where, `expected float32, float16 or bfloat16, got ${dtype}. Save the model in one of them.`);
}

/** Rows and columns that are turned together, so that both sides of it stay in the processor's nearest memory. */
const TILE = 32;

/** A matrix of `rows` × `columns`, row-major, turned. */
export function transposed<A extends Float32Array | Int8Array>(
  values: A,
  [rows, columns]: readonly [number, number],
): A {
  const turned = values.slice() as A;
  for (let top = 0; top < rows; top += TILE) {
    for (let left = 0; left < columns; left += TILE) turnTile(values, turned, { top, left, rows, columns });
  }
  return turned;
}

function turnTile(
  from: Float32Array | Int8Array,
  to: Float32Array | Int8Array,
  { top, left, rows, columns }: { top: number; left: number; rows: number; columns: number },
): void {
  const [bottom, right] = [Math.min(top + TILE, rows), Math.min(left + TILE, columns)];
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      to[column * rows + row] = from[row * columns + column] as number;
    }
  }
}

export function bytesOfFloats(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
