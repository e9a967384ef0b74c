import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Module } from "../../../src/engine/nn/module.js";
import { AdamW, type AdamWOptions } from "../../../src/engine/optim/adamw.js";
import { FlatParameters } from "../../../src/engine/optim/flat-parameters.js";
import { tensor, zeros } from "../../../src/engine/tensor/create.js";
import { liveTensors, TensorScope } from "../../../src/engine/tensor/scope.js";
import type { Tensor } from "../../../src/engine/tensor/tensor.js";
import { runTestsInScope } from "../tensor/in-scope.js";

type Values = { weight: number[]; bias: number[] };

interface Golden {
  rates: number[];
  start: Values;
  gradients: Values[];
  adamw: {
    title: string;
    options: AdamWOptions;
    after: Values[];
    moments: Record<keyof Values, { first: number[]; second: number[] }>;
  }[];
}

const file = new URL("../../goldens/optim.json", import.meta.url);
const golden = JSON.parse(readFileSync(file, "utf8")) as Golden;
const names = ["weight", "bias"] as const;

/** A weight that decays, a bias that does not. */
class Pair extends Module {
  constructor() {
    super();
    this.parameter("bias", { shape: [3], init: { fill: 0 }, decay: false });
    this.parameter("weight", { shape: [2, 3], init: { fill: 0 }, decay: true });
  }
}

/** A module whose parameters have the golden's values, and their flat buffers. */
class Start {
  readonly parameters: FlatParameters;
  readonly #module = new Pair();

  constructor() {
    using _scope = new TensorScope();
    this.parameters = new FlatParameters(this.#module);
    fill(this.parameters, this.parameters.values, golden.start);
  }

  [Symbol.dispose](): void {
    this.parameters.dispose();
    this.#module.dispose();
  }
}

function fill(parameters: FlatParameters, buffer: Tensor, values: Values): void {
  for (const name of names) parameters.view(buffer, name).view([-1]).copy_(tensor(values[name]));
}

/** Within 1e-5, relative; absolute below 0.1. */
function expectClose(actual: Tensor, expected: readonly number[]): void {
  const numbers = [...actual.toFloat32Array()];
  const isFar = (value: number, i: number) => {
    const wanted = expected[i] ?? Number.NaN;
    return !(Math.abs(value - wanted) <= 1e-5 * Math.max(Math.abs(wanted), 0.1));
  };
  if (numbers.some(isFar)) expect(numbers, "beyond 1e-5").toEqual(expected);
}

runTestsInScope();

describe("AdamW equals torch.optim.AdamW", () => {
  test.each(golden.adamw)("$title, step by step", ({ options, after, moments }) => {
    using start = new Start();
    const { parameters } = start;
    using optimizer = new AdamW(parameters, options);
    for (const [i, rate] of golden.rates.entries()) {
      const [gradient, expected] = [golden.gradients[i], after[i]];
      if (!gradient || !expected) throw new Error("the golden has fewer steps than learning rates");
      fill(parameters, parameters.gradients, gradient);
      optimizer.step(rate);
      for (const name of names) expectClose(parameters.view(parameters.values, name), expected[name]);
    }
    for (const name of names) {
      expectClose(parameters.view(optimizer.firstMoment, name), moments[name].first);
      expectClose(parameters.view(optimizer.secondMoment, name), moments[name].second);
    }
    expect(optimizer.steps).toBe(golden.rates.length);
  });
});

describe("AdamW", () => {
  const options: AdamWOptions = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.1 };

  test("moves every element by the learning rate on its first step, against its gradient's sign", () => {
    using start = new Start();
    const { parameters } = start;
    using optimizer = new AdamW(parameters, { ...options, weightDecay: 0 });
    fill(parameters, parameters.values, { weight: [0, 0, 0, 0, 0, 0], bias: [0, 0, 0] });
    fill(parameters, parameters.gradients, { weight: [1, -1, 1e3, -1e3, 0.1, 0], bias: [2, -2, 0] });
    optimizer.step(0.5);
    expectClose(parameters.view(parameters.values, "weight"), [-0.5, 0.5, -0.5, 0.5, -0.5, 0]);
    expectClose(parameters.view(parameters.values, "bias"), [-0.5, 0.5, 0]);
  });

  test("shrinks weights by lr · λ without a gradient, and leaves biases alone", () => {
    using start = new Start();
    const { parameters } = start;
    using optimizer = new AdamW(parameters, options);
    optimizer.step(0.5);
    expectClose(
      parameters.view(parameters.values, "weight"),
      golden.start.weight.map((value) => value * (1 - 0.05)),
    );
    expectClose(parameters.view(parameters.values, "bias"), golden.start.bias);
  });

  test("leaves the gradients, and the gaps between parameters zero", () => {
    using start = new Start();
    const { parameters } = start;
    using optimizer = new AdamW(parameters, options);
    fill(parameters, parameters.gradients, { weight: [1, 1, 1, 1, 1, 1], bias: [1, 1, 1] });
    optimizer.step(0.5);
    expect(parameters.gradients.sum().item()).toBe(9);
    const used = [...parameters.slices.values()].map(({ offset, shape }) => {
      return parameters.values.alias(offset, shape).mul(parameters.values.alias(offset, shape)).sum().item();
    });
    const total = parameters.values.mul(parameters.values).sum().item();
    expect(total).toBeCloseTo(
      used.reduce((sum, value) => sum + value, 0),
      5,
    );
  });

  test("goes on where it was from saved moments and step count", () => {
    using first = new Start();
    using second = new Start();
    using whole = new AdamW(first.parameters, options);
    using before = new AdamW(second.parameters, options);
    using after = new AdamW(second.parameters, options);
    const steps = (optimizer: AdamW, parameters: FlatParameters, from: number, to: number) => {
      for (const gradient of golden.gradients.slice(from, to)) {
        fill(parameters, parameters.gradients, gradient);
        optimizer.step(0.1);
      }
    };
    steps(whole, first.parameters, 0, 6);
    steps(before, second.parameters, 0, 3);
    after.firstMoment.copy_(before.firstMoment);
    after.secondMoment.copy_(before.secondMoment);
    after.steps = before.steps;
    steps(after, second.parameters, 3, 6);
    expect(second.parameters.values.toBytes()).toEqual(first.parameters.values.toBytes());
  });

  test("a step leaves no tensor behind, whether or not a scope is open", () => {
    using start = new Start();
    const { parameters } = start;
    using optimizer = new AdamW(parameters, options);
    const before = liveTensors();
    optimizer.step(0.1);
    expect(liveTensors()).toBe(before);
  });

  test("a gradient that is not finite makes the weights so: the caller looks at the norm first", () => {
    using start = new Start();
    const { parameters } = start;
    using optimizer = new AdamW(parameters, options);
    parameters.gradients.copy_(zeros([1]).log()); // −∞ everywhere.
    optimizer.step(0.1);
    expect(parameters.view(parameters.values, "bias").isfinite().toBytes()).toEqual(Uint8Array.of(0, 0, 0));
  });
});
