import { native } from "../native.js";

/** Seeds libtorch's generators on every device: initial weights follow from it. */
export function manualSeed(seed: number): void {
  native.manualSeed(seed);
}
