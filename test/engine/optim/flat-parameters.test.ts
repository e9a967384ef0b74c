import { describe, expect, test } from "vitest";
import { LayerNorm, Linear } from "../../../src/engine/nn/layers.js";
import { Module } from "../../../src/engine/nn/module.js";
import { FlatParameters } from "../../../src/engine/optim/flat-parameters.js";
import { noGrad } from "../../../src/engine/tensor/autograd.js";
import { ones } from "../../../src/engine/tensor/create.js";
import { manualSeed } from "../../../src/engine/tensor/random.js";
import { liveTensors } from "../../../src/engine/tensor/scope.js";
import type { Tensor } from "../../../src/engine/tensor/tensor.js";
import { ConfigError } from "../../../src/errors.js";
import { runTestsInScope } from "../tensor/in-scope.js";

class Model extends Module {
  readonly #first = this.module("first", new Linear(3, 5, { std: 0.5 }));
  readonly #norm = this.module("norm", new LayerNorm(5, 1e-5));
  readonly #second = this.module("second", new Linear(5, 2, { std: 0.5 }));

  forward(x: Tensor): Tensor {
    return this.#second.forward(this.#norm.forward(this.#first.forward(x)));
  }
}

const values = (module: Module) => {
  return new Map([...module.namedParameters()].map(([name, parameter]) => [name, parameter.value.toFloat32Array()]));
};

runTestsInScope();

test("what decays comes first, then what does not, each in the order of registration and on a 64-byte line", () => {
  using model = new Model();
  using flat = new FlatParameters(model);
  expect([...flat.slices]).toEqual([
    ["first.weight", { offset: 0, shape: [5, 3] }],
    ["second.weight", { offset: 16, shape: [2, 5] }],
    ["first.bias", { offset: 32, shape: [5] }],
    ["norm.weight", { offset: 48, shape: [5] }],
    ["norm.bias", { offset: 64, shape: [5] }],
    ["second.bias", { offset: 80, shape: [2] }],
  ]);
  expect([flat.decayEnd, flat.trainableEnd, flat.values.numel, flat.gradients.numel]).toEqual([32, 96, 96, 96]);
});

test("frozen parameters come last, without gradients", () => {
  using model = new Model();
  using flat = new FlatParameters(model, { frozen: (name) => name.startsWith("first") });
  expect([flat.decayEnd, flat.trainableEnd, flat.values.numel]).toEqual([16, 64, 96]);
  expect(flat.gradients.numel).toBe(64);
  const trained = [...model.namedParameters()].filter(([, parameter]) => parameter.value.requiresGrad);
  expect(trained.map(([name]) => name)).toEqual(["norm.weight", "norm.bias", "second.weight", "second.bias"]);
});

test("parameters start as the same seed starts them without a flat buffer", () => {
  using alone = new Model();
  using flattened = new Model();
  manualSeed(3);
  alone.materialise();
  manualSeed(3);
  using _flat = new FlatParameters(flattened);
  expect(values(flattened)).toEqual(values(alone));
});

describe("the module's parameters and the flat buffer are one memory:", () => {
  test("a change of the buffer is a change of the parameters", () => {
    using model = new Model();
    using flat = new FlatParameters(model);
    noGrad(() => flat.values.zero_().add_(0.25));
    for (const value of values(model).values()) expect(new Set(value)).toEqual(new Set([0.25]));
  });

  test("a view is the parameter's part, of any buffer laid out like it", () => {
    using model = new Model();
    using flat = new FlatParameters(model);
    const expected = values(model);
    for (const [name, { shape }] of flat.slices) {
      expect(flat.view(flat.values, name).shape).toEqual(shape);
      expect(flat.view(flat.values, name).toFloat32Array()).toEqual(expected.get(name));
    }
    expect(() => flat.view(flat.values, "third.weight")).toThrow(ConfigError);
  });

  test("backward passes add into the gradient buffer", () => {
    using model = new Model();
    using flat = new FlatParameters(model);
    const backward = () =>
      model
        .forward(ones([4, 3]))
        .sum()
        .backward();
    backward();
    const once = flat.gradients.clone();
    expect(flat.view(flat.gradients, "second.bias").toFloat32Array()).toEqual(Float32Array.of(4, 4));
    backward();
    expect(flat.gradients.toFloat32Array()).toEqual(once.mul(2).toFloat32Array());
    for (const [name, parameter] of model.namedParameters()) {
      expect(parameter.value.grad?.toFloat32Array()).toEqual(flat.view(flat.gradients, name).toFloat32Array());
    }
  });
});

test("replaces and frees the parameters that the module had", () => {
  using model = new Model().materialise();
  const before = liveTensors();
  using flat = new FlatParameters(model);
  expect(liveTensors()).toBe(before + 2); // The two buffers; six leaves for six leaves.
  expect(flat.slices.size).toBe(6);
});
