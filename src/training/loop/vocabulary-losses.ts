import { autocast, noGrad } from "../../engine/tensor/autograd.js";
import { zeros } from "../../engine/tensor/create.js";
import type { DType } from "../../engine/tensor/dtype.js";
import {
  addLinearWeightGradient_,
  cat,
  linear,
  linearInputGradient,
  vocabularyLosses_,
} from "../../engine/tensor/ops.js";
import { phase } from "../../engine/tensor/profile.js";
import { tidy } from "../../engine/tensor/scope.js";
import type { Tensor } from "../../engine/tensor/tensor.js";

/** Logits are transformed hidden states times the tied embedding, plus a bias. */
export interface OutputLayer {
  /** [N, D], detached; rows whose label is predicted come first */
  rows: Tensor;
  /** [V, D] */
  weight: Tensor;
  /** [V] */
  bias: Tensor;
}

interface VocabularyLossOptions {
  student: OutputLayer;
  /** The same rows; null when there are no soft targets. */
  teacher: OutputLayer | null;
  /** int64 [M]: the true tokens of the first M rows */
  labels: Tensor;
  temperature: number;
  /** Weight of L_ce in the gradient: α_ce over the positions of the whole step. */
  ceScale: number;
  /** Weight of L_mlm in the gradient: α_mlm over the masked positions of the whole step. */
  mlmScale: number;
  /** f32 [V, D], added to: the flat gradient buffer's view */
  weightGradient: Tensor;
  /** f32 [V], added to */
  biasGradient: Tensor;
  /** What the products are computed in. */
  productDType: DType;
  /** Rows of a chunk. */
  chunkRows?: number;
}

interface VocabularyLosses {
  /** T² KL(t ‖ s), summed over the rows, f32 scalar */
  ce: Tensor;
  /** Summed over the first M rows, f32 scalar */
  mlm: Tensor;
  /** d(ceScale · L_ce + mlmScale · L_mlm) / d(student rows), f32 [N, D] */
  rowsGradient: Tensor;
}

/**
 * L_ce and L_mlm with their gradients by hand, a few hundred rows at a time: no [N, V] tensor is ever whole.
 *
 * For a row of student logits s and teacher logits t:
 *   d(T² KL)/ds = T (softmax(s / T) − softmax(t / T));   d(L_mlm)/ds = softmax(s) − onehot(label).
 * Products are in `productDType`; softmax statistics, losses and sums of gradients are f32.
 *
 * Source: Sanh et al. 2019, section 2; the chunks are ours.
 */
export function vocabularyLosses(options: VocabularyLossOptions): VocabularyLosses {
  const { productDType, labels } = options;
  const { device } = labels;
  return phase("losses", () => noGrad(() => tidy(() => autocast(productDType, device, () => overChunks(options)))));
}

function overChunks(options: VocabularyLossOptions): VocabularyLosses {
  const { student, teacher, labels, productDType } = options;
  const [N, D] = student.rows.dims(2);
  const [V] = student.weight.dims(2);
  const [M] = labels.dims(1);
  const { device } = labels;
  const sums = zeros([2], { device });
  const gradients: Tensor[] = [];
  const chunkRows = options.chunkRows ?? defaultChunkRows(V);
  const end = teacher === null ? M : N; // Without soft targets, rows that have no label have no loss.
  for (let start = 0; start < end; start += chunkRows) {
    const rows = Math.min(chunkRows, end - start);
    gradients.push(
      tidy(() => {
        const chunk = student.rows.narrow(0, start, rows).to(productDType);
        const logits = linear(chunk, student.weight, student.bias);
        const given = teacher && linear(teacher.rows.narrow(0, start, rows), teacher.weight, teacher.bias);
        const own = labels.narrow(0, Math.min(start, M), Math.max(0, Math.min(M - start, rows)));
        sums.add_(vocabularyLosses_(logits, given, own, options.biasGradient, options)); // Logits become their gradient.
        addLinearWeightGradient_(options.weightGradient, logits, chunk);
        return linearInputGradient(logits, student.weight);
      }),
    );
  }
  if (end < N || N === 0) gradients.push(zeros([N - end, D], { device }));
  return { ce: sums.select(0, 0), mlm: sums.select(0, 1), rowsGradient: cat(gradients) };
}

/** As many as make 16 M logits; a multiple of 256, which products like, where there are that many. */
function defaultChunkRows(V: number): number {
  const rows = Math.floor((16 << 20) / V);
  return rows < 256 ? Math.max(16, rows) : rows - (rows % 256);
}
