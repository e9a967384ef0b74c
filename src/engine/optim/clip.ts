import { TensorScope } from "../tensor/scope.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * Scales the flat gradient buffer so that its 2-norm is at most `maxNorm`, as torch.nn.utils.clip_grad_norm_ does.
 *
 * Waits for the device. A norm that is not finite is returned as it is and nothing is scaled.
 *
 * @returns the norm before clipping
 */
export function clipGradientNorm(gradients: Tensor, maxNorm: number): number {
  const norm = gradientNorm(gradients);
  const scale = maxNorm / (norm + 1e-6);
  if (Number.isFinite(norm) && scale < 1) gradients.mul_(scale);
  return norm;
}

function gradientNorm(gradients: Tensor): number {
  using _scope = new TensorScope();
  return gradients.norm().item();
}
