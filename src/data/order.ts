import { Purpose, philox } from "./philox.js";

const ROUNDS = 8;

/** A bijection of 0 … length - 1. */
export type Permutation = (position: number) => number;

/**
 * The order of one epoch: a pseudo-random permutation of `length` places in O(1) memory, so that a step can be resumed or
 * given to any rank without a list of what was seen.
 *
 * A balanced Feistel network over the next even number of bits; a value that falls outside is sent through again
 * ("cycle walking"), which keeps the map a bijection. At most four values in five fall outside.
 *
 * @param length 1 … 2^32
 * Source: Black and Rogaway 2002, "Ciphers with Arbitrary Finite Domains".
 */
export function permutation(seed: number, epoch: number, length: number): Permutation {
  if (length <= 1) return () => 0;
  const halfBits = Math.max(1, Math.ceil(Math.log2(length) / 2));
  const halfSize = 2 ** halfBits;
  const keys = roundKeys(seed, epoch);

  function encrypt(value: number): number {
    let left = Math.floor(value / halfSize);
    let right = value % halfSize;
    for (const key of keys) {
      const mixed = left ^ (mix(right ^ key) >>> (32 - halfBits));
      left = right;
      right = mixed;
    }
    return left * halfSize + right;
  }

  return (position) => {
    let value = encrypt(position);
    while (value >= length) value = encrypt(value);
    return value;
  };
}

function roundKeys(seed: number, epoch: number): Uint32Array {
  const keys = new Uint32Array(ROUNDS);
  for (let i = 0; i < ROUNDS; i += 4) philox(keys.subarray(i, i + 4), seed, Purpose.order, [i, epoch, 0, 0]);
  return keys;
}

/** The finaliser of MurmurHash3: every bit of the input reaches every bit of the output. */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
