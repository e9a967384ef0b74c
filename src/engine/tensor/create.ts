import { ShapeError } from "../../errors.js";
import { native } from "../native.js";
import type { DType } from "./dtype.js";
import { type Shape, Tensor, type TypedArray } from "./tensor.js";

export interface CreateOptions {
  dtype?: DType;
  device?: string;
}

export type Nested = number | boolean | readonly Nested[];

const arrayTypes = new Map<unknown, DType>([
  [Float32Array, "float32"],
  [Float64Array, "float64"],
  [Int32Array, "int32"],
  [BigInt64Array, "int64"],
  [Uint8Array, "uint8"],
]);

/** Copies row-major little-endian bytes. */
export function fromBytes(bytes: Uint8Array, shape: Shape, options: { dtype: DType; device?: string }): Tensor {
  return new Tensor(native.fromBytes(bytes, shape, options.dtype, options.device ?? "cpu"));
}

/**
 * A tensor from nested arrays (f32 unless a dtype is given), or from a typed array and a shape (its own dtype, then
 * converted where another is given).
 *
 * @throws ShapeError when nested arrays are ragged.
 */
export function tensor(data: TypedArray | Nested, options: CreateOptions & { shape?: Shape } = {}): Tensor {
  const { values, shape, dtype } = ArrayBuffer.isView(data)
    ? { values: data, shape: options.shape ?? [data.length], dtype: typeOf(data) }
    : flatten(data);
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const given = fromBytes(bytes, shape, { dtype, ...(options.device !== undefined && { device: options.device }) });
  const wanted = options.dtype ?? (ArrayBuffer.isView(data) ? dtype : "float32");
  if (wanted === dtype) return given;
  const converted = given.to(wanted);
  given.dispose();
  return converted;
}

function typeOf(data: TypedArray): DType {
  const dtype = arrayTypes.get(data.constructor);
  if (dtype === undefined) throw new ShapeError(`no dtype for a ${data.constructor.name}`);
  return dtype;
}

function flatten(data: Nested): { values: Float64Array; shape: number[]; dtype: DType } {
  const shape: number[] = [];
  for (let level: Nested | undefined = data; Array.isArray(level); level = level[0]) shape.push(level.length);
  if (!hasShape(data, shape)) throw new ShapeError(`nested arrays are ragged: they do not fill shape [${shape}]`);
  const flat = ([data] as unknown[]).flat(Number.POSITIVE_INFINITY) as (number | boolean)[];
  return { values: Float64Array.from(flat, Number), shape, dtype: "float64" };
}

function hasShape(data: Nested, [size, ...inner]: Shape): boolean {
  if (!Array.isArray(data)) return size === undefined;
  return data.length === size && data.every((each) => hasShape(each, inner));
}

export function full(shape: Shape, value: number, options: CreateOptions = {}): Tensor {
  return new Tensor(native.full(shape, value, options.dtype ?? "float32", options.device ?? "cpu"));
}

export function zeros(shape: Shape, options: CreateOptions = {}): Tensor {
  return full(shape, 0, options);
}

export function ones(shape: Shape, options: CreateOptions = {}): Tensor {
  return full(shape, 1, options);
}

/** 0, 1, … end − 1, int64. */
export function arange(end: number, options: { device?: string } = {}): Tensor {
  return new Tensor(native.arange(end, options.device ?? "cpu"));
}
