import type { MaskedBatch } from "../../data/masked-batches.js";
import { IGNORED } from "../../data/masking.js";
import { tensor } from "../../engine/tensor/create.js";
import type { Tensor } from "../../engine/tensor/tensor.js";
import type { EncoderInput } from "../../models/encoder.js";

/** A batch on the device, with its real positions listed. */
export interface MicroBatch {
  input: EncoderInput;
  /** int64 [N]: real positions in [0, B·S), the masked ones first */
  positions: Tensor;
  /** int64 [M]: the true tokens at the first M positions */
  labels: Tensor;
  N: number;
  M: number;
}

/** Copies a batch to the device. Tensors belong to the open scope. */
export function toMicroBatch(batch: MaskedBatch, device: string): MicroBatch {
  const { B, S, tokenCount: N, maskedCount: M } = batch;
  const positions = new Int32Array(N);
  const labels = new Int32Array(M);
  let masked = 0;
  let unmasked = M;
  for (let i = 0; i < B * S; i++) {
    const label = batch.labels[i] ?? IGNORED;
    if (label !== IGNORED) {
      labels[masked] = label;
      positions[masked++] = i;
    } else if (batch.attentionMask === null || batch.attentionMask[i] === 1) {
      positions[unmasked++] = i;
    }
  }
  return {
    input: {
      inputIds: tensor(batch.inputIds, { shape: [B, S], dtype: "int64", device }),
      mask: batch.attentionMask === null ? null : attentionMask(batch.attentionMask, [B, 1, 1, S], device),
      firstPositions: batch.firstPositions === null ? null : tensor(batch.firstPositions, { dtype: "int64", device }),
      noiseKeys: batch.noiseKeys && tensor(batch.noiseKeys, { device }),
    },
    positions: tensor(positions, { dtype: "int64", device }),
    labels: tensor(labels, { dtype: "int64", device }),
    N,
    M,
  };
}

/** 0 where a position is real, −∞ where it is padding, f32. */
export function attentionMask(real: Uint8Array, shape: readonly number[], device: string): Tensor {
  const scores = Float32Array.from(real, (isReal) => (isReal ? 0 : Number.NEGATIVE_INFINITY));
  return tensor(scores, { shape, device });
}

/** Rows of hidden states [B, S, D] at positions [N]: [N, D]. */
export function rowsAt(hidden: Tensor, positions: Tensor): Tensor {
  const [B, S, D] = hidden.dims(3);
  return hidden.reshape([B * S, D]).indexSelect(0, positions);
}
