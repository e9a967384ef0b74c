import { describe, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/tensor/autograd.js";
import { ones, zeros } from "../../../src/engine/tensor/create.js";
import { cat, dropout, selfAttention } from "../../../src/engine/tensor/ops.js";
import { manualSeed } from "../../../src/engine/tensor/random.js";
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
  const p = 0.1;
  const draw = () => dropout(ones([count]), p).toFloat32Array();

  test("leaves zeros and 1 / (1 − p), nothing else", () => {
    const values = new Set(seeded(1, draw));
    expect(values).toEqual(new Set([0, Math.fround(1 / (1 - p))]));
  });

  test("keeps a share of 1 − p", () => {
    const kept = seeded(2, draw).filter((value) => value > 0).length / count;
    const deviation = Math.sqrt((p * (1 - p)) / count);
    expect(Math.abs(kept - (1 - p))).toBeLessThan(5 * deviation);
  });

  test("is the same mask for the same seed, another for the next and for the next call", () => {
    const first = seeded(3, draw);
    const second = draw();
    expect(seeded(3, draw)).toEqual(first);
    expect(second).not.toEqual(first);
    expect(seeded(4, draw)).not.toEqual(first);
  });

  test("passes gradients through the same mask", () => {
    const x = ones([1000]).requiresGrad_();
    const y = dropout(x, 0.5);
    y.sum().backward();
    expect(x.grad?.toFloat32Array()).toEqual(y.toFloat32Array());
  });

  test("of nothing changes nothing, of everything leaves zeros", () => {
    expect(dropout(ones([4]), 0).toFloat32Array()).toEqual(new Float32Array(4).fill(1));
    expect(dropout(ones([4]), 1).toFloat32Array()).toEqual(new Float32Array(4));
  });
});

test("attention drops weights, so that its mean over draws is the attention without dropout", () => {
  // Equal scores: each of S weights is 1 / S. With v = 1 an output is the kept share, over 1 − p.
  const [S, p] = [50, 0.2];
  const qk = zeros([4, S, 64]);
  manualSeed(5);
  const qkv = cat([qk, ones([4, S, 32])], 2);
  const out = selfAttention(qkv, { heads: 8, mask: null, dropout: p }).toFloat32Array();
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
