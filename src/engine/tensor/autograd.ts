import { ShapeError } from "../../errors.js";
import { native } from "../native.js";
import type { DType } from "./dtype.js";
import { refusePromise } from "./scope.js";
import type { Tensor } from "./tensor.js";

/**
 * Runs `body` without recording for gradients.
 *
 * @throws LifetimeError when `body` returns a promise
 */
export function noGrad<T>(body: () => T): T {
  const before = native.setGradMode(false);
  try {
    return refusePromise("noGrad", body());
  } finally {
    native.setGradMode(before);
  }
}

/**
 * Runs `body` with matrix products in `dtype` and everything else as its inputs are: PyTorch's autocast. With float32
 * `body` runs as it stands. Backward passes belong outside.
 *
 * @throws LifetimeError when `body` returns a promise
 */
export function autocast<T>(dtype: DType, device: string, body: () => T): T {
  if (dtype === "float32") return body();
  const before = native.setAutocast(device, dtype);
  try {
    return refusePromise("autocast", body());
  } finally {
    native.setAutocast(device, before);
  }
}

/**
 * Adds to every leaf's gradient from several roots at once, each with the gradient of the loss with respect to it.
 *
 * Where a leaf already has a gradient, it is added to in place.
 *
 * @throws ShapeError when there are not as many gradients as roots.
 */
export function backward(roots: readonly Tensor[], gradients: readonly Tensor[]): void {
  if (roots.length !== gradients.length) {
    throw new ShapeError(`backward: ${roots.length} roots need as many gradients, got ${gradients.length}`);
  }
  native.backward(
    roots.map((root) => root.handle),
    gradients.map((gradient) => gradient.handle),
  );
}
