/**
 * Counter-based random numbers: Philox4x32-10, ten rounds that turn a counter of four words and a key of two into four
 * random words. There is no state, so a draw is a pure function of where it is used: (seed, purpose, coordinates).
 *
 * Source: Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3"; constants and test vectors of Random123.
 */

/** What a draw is for: the second word of the key, so that no two uses share a stream. */
export const Purpose = { order: 1, maskPositions: 2, maskReplacements: 3, dropout: 4, positionShift: 5 } as const;
export type Purpose = (typeof Purpose)[keyof typeof Purpose];

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** A counter: up to four unsigned words, such as (position, index, epoch). */
export type Counter = readonly [number, number, number, number];

/**
 * Fills `out` with the four words of `counter` under the key (seed, purpose).
 *
 * @param out Uint32Array of at least 4
 * @param seed unsigned 32-bit
 */
export function philox(out: Uint32Array, seed: number, purpose: number, counter: Counter): void {
  let [c0, c1, c2, c3] = counter;
  let key0 = seed >>> 0;
  let key1 = purpose >>> 0;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = high1 ^ c1 ^ key0;
    c1 = low1;
    c2 = high0 ^ c3 ^ key1;
    c3 = low0;
    key0 = (key0 + WEYL_0) | 0;
    key1 = (key1 + WEYL_1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/**
 * 64 random bits of each of some sequences of an optimizer step, from which dropout's noise follows.
 *
 * @param step counted from 0
 * @param indices of the sequences in the whole step, over all micro-batches and ranks
 */
export function noiseKeys(seed: number, step: number, indices: readonly number[]): BigInt64Array {
  const words = new Uint32Array(4);
  const halves = new Uint32Array(2 * indices.length);
  for (const [b, index] of indices.entries()) {
    philox(words, seed, Purpose.dropout, [index, step, 0, 0]);
    halves.set(words.subarray(0, 2), 2 * b);
  }
  return new BigInt64Array(halves.buffer);
}

/** A word as a number in the open interval (0, 1): never 0, so its logarithm is finite. */
export function toUnit(word: number): number {
  return (word + 0.5) / 2 ** 32;
}

/** The upper 32 bits of the 64-bit product, by halves: a double holds only 53 bits of it. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const carry = aHigh * bLow + ((aLow * bLow) >>> 16); // Below 2^32: exact.
  const middle = (carry & 0xffff) + aLow * bHigh;
  return (aHigh * bHigh + (carry >>> 16) + (middle >>> 16)) | 0;
}
