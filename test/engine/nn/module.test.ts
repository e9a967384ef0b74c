import { describe, expect, test } from "vitest";
import { Linear } from "../../../src/engine/nn/layers.js";
import { Module, Parameter } from "../../../src/engine/nn/module.js";
import { ones, tensor, zeros } from "../../../src/engine/tensor/create.js";
import { manualSeed } from "../../../src/engine/tensor/random.js";
import { liveTensors, TensorScope } from "../../../src/engine/tensor/scope.js";
import { ConfigError, LifetimeError } from "../../../src/errors.js";
import { runTestsInScope } from "../tensor/in-scope.js";

class Stack extends Module {
  constructor() {
    super();
    this.parameter("scale", { shape: [], init: { fill: 2 }, decay: false });
    this.module("layers.0", new Linear(3, 4, { std: 0.02 }));
    this.module("layers.1", new Linear(4, 2, { std: 0.02 }));
  }
}

runTestsInScope();

test("parameters have dotted names, in the order of registration", () => {
  const names = [...new Stack().namedParameters("model.")].map(([name]) => name);
  expect(names).toEqual([
    "model.scale",
    "model.layers.0.weight",
    "model.layers.0.bias",
    "model.layers.1.weight",
    "model.layers.1.bias",
  ]);
});

test("counts elements before any are made", () => {
  expect(new Stack().parameterCount()).toBe(1 + (12 + 4) + (8 + 2));
});

describe("materialise", () => {
  test("fills each parameter as its spec says", () => {
    using layer = new Linear(200, 100, { std: 0.02 }).materialise();
    const weight = layer.weight.value;
    expect(weight.shape).toEqual([100, 200]);
    expect(Math.abs(weight.mean().item())).toBeLessThan((5 * 0.02) / Math.sqrt(20_000));
    expect(Math.abs(weight.norm().item() / Math.sqrt(20_000) - 0.02)).toBeLessThan(5e-4);
    expect(layer.bias.value.toFloat32Array()).toEqual(new Float32Array(100));
  });

  test("gives the same values for the same seed", () => {
    const draw = () => {
      manualSeed(4);
      using layer = new Linear(3, 2, { std: 1 }).materialise();
      return layer.weight.value.toBytes();
    };
    expect(draw()).toEqual(draw());
  });

  test("makes parameters that outlive the scope they were made in, until the module is disposed", () => {
    const before = liveTensors();
    const module = new Stack();
    {
      using _scope = new TensorScope();
      module.materialise();
    }
    expect(liveTensors()).toBe(before + 5);
    module.dispose();
    expect(liveTensors()).toBe(before);
  });
});

describe("a parameter", () => {
  const spec = { shape: [1], init: { fill: 0 }, decay: true };

  test("used before it has a value is refused", () => {
    expect(() => new Parameter(spec).value).toThrow(ConfigError);
    expect(() => new Linear(1, 1, { std: 1 }).forward(ones([1]))).toThrow(ConfigError);
  });

  test("frees its tensor for another, and owns the new one", () => {
    const parameter = new Parameter(spec);
    const first = zeros([1]);
    parameter.assign(first);
    {
      using _scope = new TensorScope();
      parameter.assign(tensor([5]));
    }
    expect(() => first.item()).toThrow(LifetimeError);
    expect(parameter.value.item()).toBe(5);
    parameter.release();
    expect(() => parameter.value).toThrow(ConfigError);
  });
});
