import { expect, test } from "vitest";
import { Dropout, Embedding, LayerNorm, Linear } from "../../../src/engine/nn/layers.js";
import type { Parameter } from "../../../src/engine/nn/module.js";
import { ones, tensor } from "../../../src/engine/tensor/create.js";
import { noiseOf } from "../tensor/dropout-reference.js";
import { runTestsInScope } from "../tensor/in-scope.js";

runTestsInScope();

function set(parameter: Parameter, values: Parameters<typeof tensor>[0]): void {
  parameter.value.copy_(tensor(values));
}

test("Linear is x · weightᵀ + bias", () => {
  using layer = new Linear(2, 3, { std: 0 }).materialise();
  set(layer.weight, [
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  set(layer.bias, [10, 20, 30]);
  const y = layer.forward(tensor([[[1, -1]]]));
  expect(y.shape).toEqual([1, 1, 3]);
  expect(y.toFloat32Array()).toEqual(Float32Array.of(9, 19, 29));
});

test("Embedding takes a row per id", () => {
  using layer = new Embedding(3, 2, { std: 0 }).materialise();
  set(layer.weight, [
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  const y = layer.forward(tensor([[2, 0]], { dtype: "int64" }));
  expect(y.shape).toEqual([1, 2, 2]);
  expect(y.toFloat32Array()).toEqual(Float32Array.of(5, 6, 1, 2));
});

test("LayerNorm starts as plain normalisation, and scales and shifts it", () => {
  using layer = new LayerNorm(2, 0).materialise();
  const x = tensor([
    [1, 3],
    [-10, 10],
  ]); // Mean ± one standard deviation each.
  expect(layer.forward(x).toFloat32Array()).toEqual(Float32Array.of(-1, 1, -1, 1));
  set(layer.weight, [2, 3]);
  set(layer.bias, [0.5, 0.25]);
  expect(layer.forward(x).toFloat32Array()).toEqual(Float32Array.of(-1.5, 3.25, -1.5, 3.25));
});

test("LayerNorm gives f32 for bf16", () => {
  using layer = new LayerNorm(2, 1e-5).materialise();
  expect(layer.forward(ones([1, 2], { dtype: "bfloat16" })).dtype).toBe("float32");
});

test("Dropout drops where there are keys, at each place another noise", () => {
  const { keys } = noiseOf(0.5, { seed: 9, B: 2 });
  const x = ones([2, 500]);
  const [one, other] = [0, 1].map((place) => new Dropout(0.5, place).forward(x, keys).toFloat32Array());
  expect(new Set(one)).toEqual(new Set([0, 2]));
  expect(other).not.toEqual(one);
  expect(new Dropout(0.5, 0).forward(x, null)).toBe(x);
  expect(new Dropout(0, 0).forward(x, keys)).toBe(x);
});
