import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { clipGradientNorm } from "../../../src/engine/optim/clip.js";
import { tensor } from "../../../src/engine/tensor/create.js";
import { runTestsInScope } from "../tensor/in-scope.js";

interface Clipping {
  gradient: number[];
  maxNorm: number;
  norm: number;
  clipped: number[];
}

const file = new URL("../../goldens/optim.json", import.meta.url);
const { clipping } = JSON.parse(readFileSync(file, "utf8")) as { clipping: Clipping[] };

runTestsInScope();

describe("clipping equals clip_grad_norm_", () => {
  test.each(clipping)("of norm $norm to $maxNorm", ({ gradient, maxNorm, norm, clipped }) => {
    const gradients = tensor(gradient);
    const returned = clipGradientNorm(gradients, maxNorm);
    expect(Math.abs(returned - norm)).toBeLessThanOrEqual(1e-5 * norm);
    const worst = gradients.sub(tensor(clipped)).norm().item();
    expect(worst).toBeLessThanOrEqual(1e-5 * Math.min(norm, maxNorm));
  });
});

test("a norm as small as PyTorch's epsilon is clipped to less than the maximum, as there", () => {
  const gradients = tensor([3e-6, 4e-6]);
  expect(clipGradientNorm(gradients, 5e-6)).toBeCloseTo(5e-6, 12);
  const [first = 0, second = 0] = gradients.toFloat32Array(); // Times 5 / (5 + 1).
  expect([first * 1e6, second * 1e6]).toEqual([expect.closeTo(2.5, 5), expect.closeTo(20 / 6, 5)]);
});

test("a norm at most the maximum changes no bit", () => {
  const gradients = tensor([3, 4]);
  expect(clipGradientNorm(gradients, 5.1)).toBe(5);
  expect(gradients.toFloat32Array()).toEqual(Float32Array.of(3, 4));
});

test.each([
  ["NaN", [1, Number.NaN], Number.NaN],
  ["an infinity", [1, Number.NEGATIVE_INFINITY], Number.POSITIVE_INFINITY],
  ["finite numbers whose squares overflow f32", [3e20, 4e20], Number.POSITIVE_INFINITY],
])("of gradients with %s, the norm says so and nothing is scaled", (_what, values, norm) => {
  const gradients = tensor(values);
  expect(clipGradientNorm(gradients, 1)).toBe(norm);
  expect(gradients.toFloat32Array()).toEqual(Float32Array.from(values));
});
