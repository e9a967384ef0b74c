/** The largest difference between two tensors' elements, relative to the largest element expected; NaN if any is. */
export function relativeError(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let scale = 0;
  for (const [i, value] of expected.entries()) {
    difference = Math.max(difference, Math.abs((actual[i] as number) - value));
    scale = Math.max(scale, Math.abs(value));
  }
  return difference === 0 ? 0 : difference / scale;
}
