import { expect, test } from "vitest";
import { type Counter, Purpose, philox, toUnit } from "../../src/data/philox.js";

const PI: Counter = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];

function draw(seed: number, purpose: number, counter: Counter): number[] {
  const out = new Uint32Array(4);
  philox(out, seed, purpose, counter);
  return [...out];
}

test("gives the words that Random123 publishes for Philox4x32-10", () => {
  const ones = 0xffffffff;
  expect(draw(0, 0, [0, 0, 0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  expect(draw(ones, ones, [ones, ones, ones, ones])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
  expect(draw(0xa4093822, 0x299f31d0, PI)).toEqual([0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]);
});

/** Σ (observed - expected)² / expected, less its mean, in units of its deviation. */
function chiSquareDeviations(counts: ArrayLike<number>): number {
  const observed = Array.from(counts);
  const expected = observed.reduce((sum, count) => sum + count, 0) / observed.length;
  const chiSquare = observed.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const freedom = observed.length - 1;
  return (chiSquare - freedom) / Math.sqrt(2 * freedom);
}

test.each([0, 1, 2, 3])("word %i is uniform, in its upper and in its lower bits, along every coordinate", (word) => {
  for (const axis of [0, 1, 2, 3]) {
    const upper = new Uint32Array(256);
    const lower = new Uint32Array(256);
    for (let i = 0; i < 50_000; i++) {
      const counter = [7, 7, 7, 7].map((value, at) => (at === axis ? i : value)) as [number, number, number, number];
      const value = draw(1, Purpose.order, counter)[word] ?? 0;
      upper[value >>> 24] = (upper[value >>> 24] ?? 0) + 1;
      lower[value & 255] = (lower[value & 255] ?? 0) + 1;
    }
    expect(Math.abs(chiSquareDeviations(upper))).toBeLessThan(4);
    expect(Math.abs(chiSquareDeviations(lower))).toBeLessThan(4);
  }
});

test("neighbouring counters, seeds and purposes are uncorrelated", () => {
  const n = 50_000;
  const pairs: [string, (i: number) => [number, number]][] = [
    ["counter", (i) => [draw(1, 1, [i, 0, 0, 0])[0] ?? 0, draw(1, 1, [i + 1, 0, 0, 0])[0] ?? 0]],
    ["seed", (i) => [draw(1, 1, [i, 0, 0, 0])[0] ?? 0, draw(2, 1, [i, 0, 0, 0])[0] ?? 0]],
    ["purpose", (i) => [draw(1, 1, [i, 0, 0, 0])[0] ?? 0, draw(1, 2, [i, 0, 0, 0])[0] ?? 0]],
  ];
  for (const [name, pair] of pairs) {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const [a, b] = pair(i);
      sum += (toUnit(a) - 0.5) * (toUnit(b) - 0.5) * 12; // Variance of a uniform draw: 1/12.
    }
    expect(Math.abs(sum / Math.sqrt(n)), name).toBeLessThan(4); // Standard normal when independent.
  }
});

test("changing one bit of the counter changes half the bits of the result", () => {
  let changed = 0;
  for (let bit = 0; bit < 32; bit++) {
    const before = draw(3, 1, [12345, 0, 0, 0]);
    const after = draw(3, 1, [12345 ^ (1 << bit), 0, 0, 0]);
    for (const [i, value] of before.entries()) {
      changed += ((value ^ (after[i] ?? 0)) >>> 0).toString(2).replaceAll("0", "").length;
    }
  }
  expect(changed / (32 * 128)).toBeCloseTo(0.5, 1);
});

test("a unit is never 0 and never 1", () => {
  expect(toUnit(0)).toBeGreaterThan(0);
  expect(toUnit(0xffffffff)).toBeLessThan(1);
});
