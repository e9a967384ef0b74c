import { nllLoss } from "../../engine/tensor/ops.js";
import type { Tensor } from "../../engine/tensor/tensor.js";

// The losses as the paper has them, on whole tensors, with autograd. Training takes the vocabulary losses in chunks
// (vocabulary-losses.ts); these are what those are tested against.

/**
 * L_ce = T² · KL(t ‖ s), summed over rows, with t = softmax(teacher / T), s = softmax(student / T).
 *
 * The paper writes a cross-entropy; it differs from this KL by the entropy of t, which is constant in the student.
 *
 * @param student logits [N, V]
 * @param teacher logits [N, V]
 * Source: Sanh et al. 2019, section 2; T² from Hinton et al. 2015, section 2.
 */
export function softTargetLoss(student: Tensor, teacher: Tensor, temperature: number): Tensor {
  const logS = student.div(temperature).logSoftmax();
  const logT = teacher.div(temperature).logSoftmax();
  return logT
    .exp()
    .mul(logT.sub(logS))
    .sum()
    .mul(temperature * temperature);
}

/**
 * L_mlm = −Σ log softmax(logits)[label], over the rows that have a label.
 *
 * @param logits [N, V]
 * @param labels int64 [N], −100 where nothing is predicted
 * Source: Devlin et al. 2019, section 3.1.
 */
export function maskedLmLoss(logits: Tensor, labels: Tensor): Tensor {
  return nllLoss(logits.logSoftmax(), labels);
}

/**
 * L_cos = Σ (1 − cos(student, teacher)) over rows: CosineEmbeddingLoss with target 1, in f32.
 *
 * @param student hidden states [N, D]
 * @param teacher hidden states [N, D]
 * Source: Sanh et al. 2019, section 3.
 */
export function cosineLoss(student: Tensor, teacher: Tensor): Tensor {
  const [N] = student.dims(2);
  const s = student.to("float32");
  const t = teacher.to("float32");
  const dot = s.mul(t).sum([1]);
  // PyTorch's epsilon keeps a row of zeros from dividing by zero.
  const squares = s
    .mul(s)
    .sum([1])
    .add(1e-12)
    .mul(t.mul(t).sum([1]).add(1e-12));
  return dot.mul(squares.rsqrt()).sum().neg().add(N);
}
