import { tensor } from "../../../src/engine/tensor/create.js";
import type { DropoutNoise } from "../../../src/engine/tensor/ops.js";

// The noise of native/dropout-noise.h once more, a number at a time.

const WORD = (1n << 64n) - 1n;
const GOLDEN = 0x9e3779b97f4a7c15n;

/** SplitMix64's finaliser. */
function mixed(z: bigint): bigint {
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & WORD;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & WORD;
  return z ^ (z >> 31n);
}

/** Whether an element is kept: of a sequence's row, rows of attention being head · 2³² + query. */
export function isKept(p: number, key: bigint, place: number, row: bigint, column: number): boolean {
  const sequence = mixed((BigInt.asUintN(64, key) + GOLDEN * BigInt(place + 1)) & WORD);
  const z = mixed((sequence + GOLDEN * (row + 1n)) & WORD);
  const [first, second] = [Number(z & 0xffffffffn), Number(z >> 32n)];
  // Two elements share a word: sixteen columns take its low half, the next sixteen its high one.
  let x = Math.imul(Math.floor(column / 32) * 16 + (column % 16), 0x9e3779b9) + first;
  x = Math.imul((x >>> 0) ^ (x >>> 16), 0x85ebca6b) ^ second;
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  x ^= x >>> 16;
  const half = column % 32 < 16 ? x & 0xffff : x >>> 16;
  return half >= Math.round(p * 65536);
}

/** What dropout makes of ones: 1 / (1 − p) where `isKept`, else 0; rows × columns of every key. */
export function keptFactors(
  p: number,
  keys: readonly bigint[],
  place: number,
  rows: readonly bigint[],
  columns: number,
): Float32Array {
  const kept = Math.fround(1 / (1 - p));
  const all = keys.flatMap((key) =>
    rows.flatMap((row) =>
      Array.from({ length: columns }, (_, column) => (isKept(p, key, place, row, column) ? kept : 0)),
    ),
  );
  return Float32Array.from(all);
}

/** Noise of made-up keys, the same for the same seed. */
export function noiseOf(p: number, { seed, B, place = 0 }: { seed: number; B: number; place?: number }): DropoutNoise {
  return { p, keys: tensor(BigInt64Array.from(keysOf(seed, B))), place };
}

/** As signed numbers, as a tensor has them. */
export function keysOf(seed: number, B: number): bigint[] {
  return Array.from({ length: B }, (_, b) => BigInt.asIntN(64, mixed(BigInt(seed * 1000 + b + 1))));
}
