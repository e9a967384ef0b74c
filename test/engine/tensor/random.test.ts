import { describe, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/tensor/autograd.js";
import { ones, tensor, zeros } from "../../../src/engine/tensor/create.js";
import { cat, dropout, selfAttention } from "../../../src/engine/tensor/ops.js";
import { manualSeed } from "../../../src/engine/tensor/random.js";
import { keysOf, noiseOf } from "./dropout-reference.js";
import { runTestsInScope } from "./in-scope.js";

runTestsInScope();

/** What `draw` gives with the generator seeded. */
function seeded(seed: number, draw: () => Float32Array): Float32Array {
  manualSeed(seed);
  return draw();
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const count = 100_000;

describe("dropout", () => {
  const [p, B, S, D] = [0.1, 10, 100, 100];
  const draw = (seed: number, place = 0) => dropout(ones([B, S, D]), noiseOf(p, { seed, B, place })).toFloat32Array();

  test("leaves zeros and 1 / (1 − p), nothing else", () => {
    expect(new Set(draw(1))).toEqual(new Set([0, Math.fround(1 / (1 - p))]));
  });

  test("keeps a share of 1 − p", () => {
    const kept = draw(2).filter((value) => value > 0).length / count;
    const deviation = Math.sqrt((p * (1 - p)) / count);
    expect(Math.abs(kept - (1 - p))).toBeLessThan(5 * deviation);
  });

  test("gives sequences the same noise in whatever company, order or length", () => {
    const [first, second, third] = keysOf(3, 3) as [bigint, bigint, bigint];
    const rows = (keys: bigint[], length: number) => {
      const noise = { p, keys: tensor(BigInt64Array.from(keys)), place: 1 };
      return dropout(ones([keys.length, length, D]), noise).unbind();
    };
    const [a, b] = rows([first, second], 7).map((row) => row.toFloat32Array());
    expect(
      rows([third, second, first], 9)
        .map((row) => row.narrow(0, 0, 7).toFloat32Array())
        .slice(1),
    ).toEqual([b, a]);
  });

  test("refuses another number of keys than sequences, and a probability that is none", () => {
    const x = ones([2, 3, 4]);
    expect(() => dropout(x, noiseOf(p, { seed: 1, B: 3 }))).toThrow(/a key for each of 2 sequences, got \[3\]/);
    for (const wrong of [-0.1, 1.1, Number.NaN]) {
      expect(() => dropout(x, noiseOf(wrong, { seed: 1, B: 2 }))).toThrow(/probability from 0 to 1/);
    }
  });

  test("shifts no sequence's noise, no row's, and no place's into another's", () => {
    const [rows, columns] = [16, 256];
    const masks = [0, 1].map((place) => dropout(ones([2, rows, columns]), noiseOf(0.5, { seed: 5, B: 2, place })));
    const all = masks.flatMap((mask) =>
      mask
        .view([2 * rows, columns])
        .unbind()
        .map((row) => row.toFloat32Array()),
    );
    // Of 256 elements two rows agree in 128 ± 8: eight deviations are 64.
    for (const [i, a] of all.entries()) {
      for (const b of all.slice(0, i)) {
        for (const shift of [0, 1, 16, 32]) {
          const agreeing = a.subarray(shift).reduce((sum, x, j) => sum + (x === b[j] ? 1 : 0), 0);
          expect(Math.abs(agreeing - (columns - shift) / 2)).toBeLessThan(64);
        }
      }
    }
  });
});

test("attention drops weights, so that its mean over draws is the attention without dropout", () => {
  // Equal scores: each of S weights is 1 / S. With v = 1 an output is the kept share, over 1 − p.
  const [S, p] = [50, 0.2];
  const qk = zeros([4, S, 64]);
  const qkv = cat([qk, ones([4, S, 32])], 2);
  const out = selfAttention(qkv, { heads: 8, mask: null, dropout: noiseOf(p, { seed: 5, B: 4 }) }).toFloat32Array();
  const weights = 4 * 8 * S * S;
  const deviation = Math.sqrt(p / (1 - p) / weights);
  expect(Math.abs(mean(out) - 1)).toBeLessThan(5 * deviation);
  expect(new Set(out).size).toBeGreaterThan(1);
});

test("normal_ has the mean and standard deviation asked for", () => {
  const values = seeded(6, () => zeros([count]).normal_(2, 0.5).toFloat32Array());
  const average = mean(values);
  const deviation = Math.sqrt(mean(values.map((value) => (value - average) ** 2)));
  expect(Math.abs(average - 2)).toBeLessThan((5 * 0.5) / Math.sqrt(count));
  expect(Math.abs(deviation - 0.5)).toBeLessThan((5 * 0.5) / Math.sqrt(2 * count));
});

test("uniform_ fills its interval evenly", () => {
  const values = seeded(7, () => zeros([count]).uniform_(-1, 3).toFloat32Array());
  expect(Math.min(...values.subarray(0, 10_000))).toBeGreaterThanOrEqual(-1);
  expect(Math.max(...values.subarray(0, 10_000))).toBeLessThan(3);
  expect(Math.abs(mean(values) - 1)).toBeLessThan((5 * 4) / Math.sqrt(12 * count));
});

test("draws in place, into memory shared with a flat buffer", () => {
  const flat = zeros([4]);
  manualSeed(8);
  noGrad(() => flat.alias(1, [2]).uniform_(1, 2));
  const values = flat.toFloat32Array();
  expect([values[0], values[3]]).toEqual([0, 0]);
  expect(values[1]).toBeGreaterThanOrEqual(1);
});
