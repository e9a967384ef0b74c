import type { DType } from "../../../src/engine/tensor/dtype.js";
import {
  addLinearWeightGradient_,
  cat,
  conv1d,
  embedding,
  gelu,
  layerNorm,
  linear,
  linearInputGradient,
  nllLoss,
  residualNorm,
  selfAttention,
  where,
} from "../../../src/engine/tensor/ops.js";
import type { Tensor } from "../../../src/engine/tensor/tensor.js";

/** The arguments a golden case may name; each op reads its own. */
export interface OpArguments {
  value: number;
  min: number;
  max: number;
  approximate: "none" | "tanh";
  dim: number;
  dims: number[];
  keepDim: boolean;
  k: number;
  shape: number[];
  start: number;
  length: number;
  index: number;
  eps: number;
  ignoreIndex: number;
  dtype: DType;
}

/** As many tensors as the op takes; a golden case that leaves the last ones out leaves them undefined. */
type Inputs = [Tensor, Tensor, Tensor, Tensor];
type Call = (inputs: Inputs, args: OpArguments) => Tensor | Tensor[];

/** How each binding with a golden is reached from TypeScript. In-place ops work on a copy, and the copy is the result. */
export const opCalls: Record<string, Call> = {
  add: ([x, y]) => x.add(y),
  sub: ([x, y]) => x.sub(y),
  mul: ([x, y]) => x.mul(y),
  div: ([x, y]) => x.div(y),
  addScalar: ([x], { value }) => x.add(value),
  divScalar: ([x], { value }) => x.div(value),
  mulScalar: ([x], { value }) => x.mul(value),
  neg: ([x]) => x.neg(),
  exp: ([x]) => x.exp(),
  log: ([x]) => x.log(),
  rsqrt: ([x]) => x.rsqrt(),
  tanh: ([x]) => x.tanh(),
  sigmoid: ([x]) => x.sigmoid(),
  relu: ([x]) => x.relu(),
  gelu: ([x], { approximate }) => gelu(x, approximate),
  clampMin: ([x], { value }) => x.clampMin(value),
  clamp: ([x], { min, max }) => x.clamp(min, max),
  eq: ([x, y]) => x.eq(y),
  where: ([condition, x, y]) => where(condition, x, y),
  maskedFill: ([x, mask], { value }) => x.maskedFill(mask, value),
  isfinite: ([x]) => x.isfinite(),

  add_: ([x, y], { value }) => x.clone().add_(y, value),
  addScalar_: ([x], { value }) => x.clone().add_(value),
  mul_: ([x, y]) => x.clone().mul_(y),
  div_: ([x, y]) => x.clone().div_(y),
  mulScalar_: ([x], { value }) => x.clone().mul_(value),
  sub_: ([x, y]) => x.clone().sub_(y),
  exp_: ([x]) => x.clone().exp_(),
  zero_: ([x]) => x.clone().zero_(),
  copy_: ([x, y]) => x.clone().copy_(y),

  sum: ([x]) => x.sum(),
  sumDim: ([x], { dims, keepDim }) => x.sum(dims, { keepDim }),
  mean: ([x]) => x.mean(),
  amax: ([x], { dims, keepDim }) => x.amax(dims, { keepDim }),
  argmax: ([x], { dim }) => x.argmax(dim),
  topk: ([x], { k, dim }) => x.topk(k, dim),
  norm: ([x]) => x.norm(),
  logsumexp: ([x], { dims, keepDim }) => x.logsumexp(dims, { keepDim }),
  softmax: ([x], { dim }) => x.softmax(dim),
  logSoftmax: ([x], { dim }) => x.logSoftmax(dim),

  matmul: ([x, y]) => x.matmul(y),
  linear: ([x, weight, bias]) => linear(x, weight, bias ?? null),

  view: ([x], { shape }) => x.view(shape),
  reshape: ([x], { shape }) => x.reshape(shape),
  transpose: ([x], { dims: [a = 0, b = 0] }) => x.transpose(a, b),
  permute: ([x], { dims }) => x.permute(dims),
  contiguous: ([x]) => x.contiguous(),
  narrow: ([x], { dim, start, length }) => x.narrow(dim, start, length),
  select: ([x], { dim, index }) => x.select(dim, index),
  unsqueeze: ([x], { dim }) => x.unsqueeze(dim),
  squeeze: ([x], { dim }) => x.squeeze(dim),
  expand: ([x], { shape }) => x.expand(shape),
  cat: (inputs, { dim }) => cat(inputs, dim),
  unbind: ([x], { dim }) => x.unbind(dim),
  indexSelect: ([x, index], { dim }) => x.indexSelect(dim, index),
  gather: ([x, index], { dim }) => x.gather(dim, index),

  embedding: ([weight, ids]) => embedding(weight, ids),
  conv1d: ([x, weight, bias]) => conv1d(x, weight, bias),
  layerNorm: ([x, weight, bias], { eps }) => layerNorm(x, weight, bias, eps),
  selfAttention: ([qkv, mask]) => selfAttention(qkv, { heads: 2, mask: mask ?? null, dropout: null }),
  residualNorm: ([x, y, weight, bias], { eps }) => residualNorm(x, y, { weight, bias, eps, dropout: null }),
  addLinearWeightGradient_: ([into, gradient, x]) => {
    const copy = into.clone();
    addLinearWeightGradient_(copy, gradient, x);
    return copy;
  },
  linearInputGradient: ([gradient, weight]) => linearInputGradient(gradient, weight),
  nllLoss: ([x, target], { ignoreIndex }) => nllLoss(x, target, ignoreIndex),

  clone: ([x]) => x.clone(),
  toDType: ([x], { dtype }) => x.to(dtype),
};
