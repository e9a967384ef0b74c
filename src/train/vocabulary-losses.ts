import { noGrad } from "../tensor/autograd.js";
import { zeros } from "../tensor/create.js";
import type { DType } from "../tensor/dtype.js";
import { cat, linear, nllLoss } from "../tensor/ops.js";
import { tidy } from "../tensor/scope.js";
import type { Tensor } from "../tensor/tensor.js";

/** Logits are transformed hidden states times the tied embedding, plus a bias. */
export interface OutputLayer {
  /** [N, D], detached; rows whose label is predicted come first */
  rows: Tensor;
  /** [V, D] */
  weight: Tensor;
  /** [V] */
  bias: Tensor;
}

export interface VocabularyLossOptions {
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
  /** Rows of a chunk; by default as many as make 8 M logits. */
  chunkRows?: number;
}

export interface VocabularyLosses {
  /** T² KL(t ‖ s), summed over the rows, f32 scalar */
  ce: Tensor;
  /** Summed over the first M rows, f32 scalar */
  mlm: Tensor;
  /** d(ceScale · L_ce + mlmScale · L_mlm) / d(student rows), f32 [N, D] */
  rowsGradient: Tensor;
}

const chunkLogits = 8 << 20;

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
  return noGrad(() => tidy(() => overChunks(options)));
}

function overChunks(options: VocabularyLossOptions): VocabularyLosses {
  const { student, teacher, labels, productDType } = options;
  const [N, D] = student.rows.dims(2);
  const [V] = student.weight.dims(2);
  const [M] = labels.dims(1);
  const ce = zeros([], { device: labels.device });
  const mlm = zeros([], { device: labels.device });
  const products = { student: inDType(student, productDType), teacher: teacher && inDType(teacher, productDType) };
  const gradients: Tensor[] = [];
  const chunkRows = options.chunkRows ?? Math.max(16, Math.floor(chunkLogits / V));
  for (const { start, rows, labelled } of chunks(N, M, chunkRows)) {
    gradients.push(
      tidy(() => {
        const logits = chunkOf(products.student, start, rows);
        const gradient = zeros([rows, V], { device: labels.device });
        if (products.teacher !== null) {
          ce.add_(addSoftTargets(gradient, logits, chunkOf(products.teacher, start, rows), options));
        }
        if (labelled) mlm.add_(addLabels(gradient, logits, labels.narrow(0, start, rows), options.mlmScale));
        return throughOutputLayer(gradient, products.student, start, options);
      }),
    );
  }
  return { ce, mlm, rowsGradient: gradients.length === 0 ? zeros([0, D], { device: labels.device }) : cat(gradients) };
}

/** Chunks of at most `size` rows, none of which holds both labelled and unlabelled rows. */
function* chunks(N: number, M: number, size: number): Generator<{ start: number; rows: number; labelled: boolean }> {
  for (let start = 0; start < N; ) {
    const labelled = start < M;
    const rows = Math.min(size, (labelled ? M : N) - start);
    yield { start, rows, labelled };
    start += rows;
  }
}

function inDType({ rows, weight, bias }: OutputLayer, dtype: DType): OutputLayer {
  return { rows: rows.to(dtype), weight: weight.to(dtype), bias: bias.to(dtype) };
}

/** f32 logits [rows, V] of one chunk. */
function chunkOf({ rows, weight, bias }: OutputLayer, start: number, count: number): Tensor {
  return linear(rows.narrow(0, start, count), weight, bias).to("float32");
}

/** Adds ceScale · d(T² KL)/ds; returns T² KL, summed. */
function addSoftTargets(
  gradient: Tensor,
  student: Tensor,
  teacher: Tensor,
  { temperature: T, ceScale }: VocabularyLossOptions,
): Tensor {
  const logS = student.div(T).logSoftmax();
  const logT = teacher.div(T).logSoftmax();
  const t = logT.exp();
  const loss = logT
    .sub_(logS)
    .mul_(t)
    .sum()
    .mul_(T * T);
  gradient.add_(logS.exp_().sub_(t), T * ceScale);
  return loss;
}

/** Adds mlmScale · d(L_mlm)/ds; returns L_mlm, summed. */
function addLabels(gradient: Tensor, logits: Tensor, labels: Tensor, mlmScale: number): Tensor {
  const logP = logits.logSoftmax();
  const loss = nllLoss(logP, labels);
  const index = labels.unsqueeze(1);
  const minusOne = zeros(index.shape, { device: labels.device }).add_(-1);
  gradient.add_(logP.exp_().scatterAdd_(1, index, minusOne), mlmScale);
  return loss;
}

/** Backward through the output layer: weight and bias gradients are added to, that of the rows is returned. */
function throughOutputLayer(
  gradient: Tensor,
  { rows, weight }: OutputLayer,
  start: number,
  { weightGradient, biasGradient, productDType }: VocabularyLossOptions,
): Tensor {
  const [count] = gradient.dims(2);
  biasGradient.add_(gradient.sum([0]));
  const products = gradient.to(productDType);
  const transposed = products.transpose(0, 1);
  const chunk = rows.narrow(0, start, count);
  if (productDType === "float32") weightGradient.addmm_(transposed, chunk);
  else weightGradient.add_(transposed.matmul(chunk));
  return products.matmul(weight).to("float32");
}
