import type { Handle } from "../native.gen.js";
import { native } from "../native.js";
import { Tensor } from "./tensor.js";

/** x · weightᵀ + bias, for x [..., in], weight [out, in], bias [out]. */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  return new Tensor(native.linear(x.handle, weight.handle, bias === null ? null : bias.handle));
}

/** gradient [M, N] · weight [N, K]: the gradient [M, K] of a `linear`'s input, f32, for one of its output in any float dtype. */
export function linearInputGradient(gradient: Tensor, weight: Tensor): Tensor {
  return new Tensor(native.linearInputGradient(gradient.handle, weight.handle));
}

/** into [N, K], f32, += gradientᵀ [N, M] · x [M, K]: the gradient of a `linear`'s weight, for gradient and x of one dtype. */
export function addLinearWeightGradient_(into: Tensor, gradient: Tensor, x: Tensor): void {
  native.addLinearWeightGradient_(into.handle, gradient.handle, x.handle);
}

/** Rows of weight [V, D] at ids (int64): [...ids, D]. */
export function embedding(weight: Tensor, ids: Tensor): Tensor {
  return new Tensor(native.embedding(weight.handle, ids.handle));
}

/** Slides weight [out, in, width] over x [B, in, S], without padding: [B, out, S − width + 1]. */
export function conv1d(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  return new Tensor(native.conv1d(x.handle, weight.handle, bias.handle));
}

/** Normalises the last dimension to mean 0 and variance 1, then scales and shifts. */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps: number): Tensor {
  return new Tensor(native.layerNorm(x.handle, weight.handle, bias.handle, eps));
}

/** GELU, by the error function ("none") or its tanh approximation. */
export function gelu(x: Tensor, approximate: "none" | "tanh" = "none"): Tensor {
  return new Tensor(native.gelu(x.handle, approximate));
}

/**
 * What dropout leaves out: elements with probability p, the others being scaled by 1 / (1 − p).
 *
 * Which they are is a pure function of the sequence's key, the place, and where in the sequence an element is: what a sequence
 * is batched or padded with changes nothing, nor do threads, kernels and devices.
 */
export interface DropoutNoise {
  p: number;
  /** int64 [B], 64 random bits of each sequence */
  keys: Tensor;
  /** Which of a model's places this is; 0 or above. */
  place: number;
}

/** Of sequences [B, …, D]. */
export function dropout(x: Tensor, { p, keys, place }: DropoutNoise): Tensor {
  return new Tensor(native.dropout(x.handle, p, keys.handle, place));
}

/** layerNorm(x + dropout(y)) over the last dimension of [B, …, D], f32; y in any float dtype. */
export function residualNorm(
  x: Tensor,
  y: Tensor,
  { weight, bias, eps, dropout }: { weight: Tensor; bias: Tensor; eps: number; dropout: DropoutNoise | null },
): Tensor {
  return new Tensor(native.residualNorm(x.handle, y.handle, weight.handle, bias.handle, eps, ...noiseOf(dropout)));
}

/**
 * Multi-head self-attention: dropout(softmax(q kᵀ / √d + mask)) v for each of the heads, [B, S, 3 D] -> [B, S, D]. A sequence
 * whose keys are all masked by −∞ is given zeros.
 *
 * @param qkv queries, keys and values side by side, each of the heads' d = D / heads columns one after the other
 * @param mask added to the scores, f32 [B, 1, 1, S]
 */
export function selfAttention(
  qkv: Tensor,
  options: { heads: number; mask: Tensor | null; dropout: DropoutNoise | null },
): Tensor {
  const mask = options.mask === null ? null : options.mask.handle;
  return new Tensor(native.selfAttention(qkv.handle, options.heads, mask, ...noiseOf(options.dropout)));
}

function noiseOf(noise: DropoutNoise | null): [p: number, keys: Handle | null, place: number] {
  return noise === null ? [0, null, 0] : [noise.p, noise.keys.handle, noise.place];
}

/** −Σ logProbabilities[i][target[i]], rows whose target is `ignoreIndex` left out; logProbabilities [N, V], target [N]. */
export function nllLoss(logProbabilities: Tensor, target: Tensor, ignoreIndex = -100): Tensor {
  return new Tensor(native.nllLoss(logProbabilities.handle, target.handle, ignoreIndex));
}

export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  const handles = tensors.map((each) => each.handle);
  return new Tensor(native.cat(handles, dim));
}

export function where(condition: Tensor, x: Tensor, y: Tensor): Tensor {
  return new Tensor(native.where(condition.handle, x.handle, y.handle));
}

/**
 * One update of AdamW, in place, with torch.optim.AdamW's arithmetic; all tensors f32 of one shape.
 *
 * @param at.step counted from 1
 */
export function adamW_(
  values: Tensor,
  gradients: Tensor,
  moments: { first: Tensor; second: Tensor },
  at: { learningRate: number; beta1: number; beta2: number; eps: number; weightDecay: number; step: number },
): void {
  native.adamW_(
    values.handle,
    gradients.handle,
    moments.first.handle,
    moments.second.handle,
    at.learningRate,
    at.beta1,
    at.beta2,
    at.eps,
    at.weightDecay,
    at.step,
  );
}

/**
 * L_ce and L_mlm of rows of logits, each summed; the logits become the gradient of ceScale · L_ce + mlmScale · L_mlm.
 *
 * @param logits [N, V], f32 or bf16, overwritten
 * @param teacher the same rows by the teacher, or null when there are no soft targets: every row then needs a label
 * @param labels int64 [M], those of the first M rows
 * @param biasGradient f32 [V], the gradient's sum over rows is added to it
 * @returns f32 [2]: T² KL(t ‖ s) and the cross-entropy
 */
export function vocabularyLosses_(
  logits: Tensor,
  teacher: Tensor | null,
  labels: Tensor,
  biasGradient: Tensor,
  { temperature, ceScale, mlmScale }: { temperature: number; ceScale: number; mlmScale: number },
): Tensor {
  const given = teacher === null ? null : teacher.handle;
  const sums = native.vocabularyLosses_(
    logits.handle,
    given,
    labels.handle,
    biasGradient.handle,
    temperature,
    ceScale,
    mlmScale,
  );
  return new Tensor(sums);
}
