import type { InferenceSession, Tensor } from "onnxruntime-common";
import { decodeHalf } from "../numbers.js";

/** What is used of ONNX Runtime: onnxruntime-node and onnxruntime-web both have it. */
export interface Runtime {
  readonly InferenceSession: {
    create(path: string, options?: InferenceSession.SessionOptions): Promise<InferenceSession>;
    create(bytes: Uint8Array, options?: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: new (type: "int64", data: BigInt64Array, shape: readonly number[]) => Tensor;
}

/** The values of an output that is there: see checkTask. */
export function valuesOf(outputs: InferenceSession.ReturnType, name: string): Float32Array {
  const tensor = outputs[name];
  if (tensor === undefined) throw new RangeError(`the model gives no ${name}`);
  return floats(tensor);
}

/** A tensor's values as f32, whether the runtime gives f16 as numbers or as their bits. */
export function floats({ data, type }: Tensor): Float32Array {
  if (data instanceof Float32Array) return data;
  if (data instanceof Uint16Array && type === "float16") return decodeHalf(data);
  return Float32Array.from(data as ArrayLike<number>); // Float16Array, where the engine has it.
}
