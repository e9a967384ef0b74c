import type { Difference } from "./difference.js";

/** "at most 0.12, 98.2 % the same, KL 0.004": what of a difference there is. */
export function differenceWords({ largest, agreement, divergence, cosine }: Difference): string {
  return [
    `at most ${largest.toPrecision(2)}`,
    ...(agreement === null ? [] : [`${(100 * agreement).toFixed(1)} % the same`]),
    ...(divergence === null ? [] : [`KL ${Math.max(0, divergence).toPrecision(2)}`]),
    ...(cosine === null ? [] : [`cosine ${cosine.toFixed(5)}`]),
  ].join(", ");
}
