import type { InferenceSession, Tensor } from "onnxruntime-common";
import { decodeHalf } from "../numbers.js";
import type { PaddedSequences } from "../text/model-inputs.js";

/** What is used of ONNX Runtime: onnxruntime-node and onnxruntime-web both have it. */
export interface Runtime {
  readonly InferenceSession: {
    create(path: string, options?: InferenceSession.SessionOptions): Promise<InferenceSession>;
    create(bytes: Uint8Array, options?: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: new (type: "int64", data: BigInt64Array, shape: readonly number[]) => Tensor;
}

/** What models are fed, by the names of the graph's inputs. */
const INPUTS = ["input_ids", "attention_mask", "token_type_ids"] as const;
type InputName = (typeof INPUTS)[number];

/**
 * A batch as a session wants it.
 *
 * @throws RangeError for an input that no encoder has
 */
export function feedsOf(
  { inputIds, attentionMask, tokenTypeIds, B, S }: Omit<PaddedSequences, "tokenCount">,
  { inputNames }: Pick<InferenceSession, "inputNames">,
  { Tensor }: Pick<Runtime, "Tensor">,
): Record<string, Tensor> {
  const values: Readonly<Record<InputName, () => Int32Array | Uint8Array>> = {
    input_ids: () => inputIds,
    attention_mask: () => attentionMask ?? new Uint8Array(B * S).fill(1),
    token_type_ids: () => tokenTypeIds,
  };
  return Object.fromEntries(
    inputNames.map((name) => {
      const known = INPUTS.find((input) => input === name);
      if (known !== undefined) return [name, new Tensor("int64", int64s(values[known]()), [B, S])];
      throw new RangeError(`expected inputs ${INPUTS.join(", ")}; got ${JSON.stringify(name)}`);
    }),
  );
}

/** Numbers from 0 on as int64, written through their lower halves, with no BigInt made. */
function int64s(values: Int32Array | Uint8Array): BigInt64Array {
  const all = new BigInt64Array(values.length);
  const low = new Int32Array(all.buffer); // Little-endian, as every machine is that ONNX Runtime runs on.
  for (let i = 0; i < values.length; i++) low[2 * i] = values[i] as number;
  return all;
}

/** A tensor's values as f32, whether the runtime gives f16 as numbers or as their bits. */
export function floats({ data, type }: Tensor): Float32Array {
  if (data instanceof Float32Array) return data;
  if (data instanceof Uint16Array && type === "float16") return decodeHalf(data);
  return Float32Array.from(data as ArrayLike<number>); // Float16Array, where the engine has it.
}
