import { afterAll, describe, expect, test } from "vitest";
import { autocast } from "../../src/engine/tensor/autograd.js";
import { tensor } from "../../src/engine/tensor/create.js";
import { manualSeed } from "../../src/engine/tensor/random.js";
import type { Tensor } from "../../src/engine/tensor/tensor.js";
import { bertBase } from "../../src/families/bert.js";
import type { EncoderConfig } from "../../src/families/config.js";
import { studentConfig } from "../../src/families/families.js";
import type { EncoderInput } from "../../src/models/encoder.js";
import { MaskedLm } from "../../src/models/masked-lm.js";
import { noiseOf } from "../engine/tensor/dropout-reference.js";
import { runTestsInScope } from "../engine/tensor/in-scope.js";
import { relativeError } from "./closeness.js";
import { additiveMask } from "./golden.js";

const shape: EncoderConfig = {
  ...bertBase,
  vocabSize: 200,
  hiddenSize: 64,
  layers: 4,
  heads: 4,
  intermediateSize: 128,
  maxPositions: 24,
  initializerRange: 0.1,
};

/** bf16 keeps 8 bits: each product is off by up to 2⁻⁹, and they add up over the layers. */
const BF16 = 0.04;

manualSeed(2);
const models = [shape, studentConfig(shape, { layers: shape.layers })].map((config) =>
  new MaskedLm(config).materialise(),
);
afterAll(() => {
  for (const model of models) model.dispose();
});

runTestsInScope();

/** Two sequences of 20 and 13 tokens. */
function paddedInput(): EncoderInput {
  const ids = Array.from({ length: 40 }, (_, i) => (i >= 33 ? 0 : 5 + ((i * 37) % 190)));
  const real = ids.map((id) => (id === 0 ? 0 : 1));
  return {
    inputIds: tensor(Int32Array.from(ids), { shape: [2, 20], dtype: "int64" }),
    mask: additiveMask(real, [2, 20]),
    noiseKeys: noiseOf(0.1, { seed: 1, B: 2 }).keys,
  };
}

describe.each(models.map((model) => [model.config.family, model] as const))("%s in bf16", (_, model) => {
  test("gives the logits of f32 within what bf16 can tell", () => {
    const run = () => model.forward(paddedInput(), { training: false });
    const error = relativeError(autocast("bfloat16", "cpu", run).toFloat32Array(), run().toFloat32Array());
    expect(error).toBeLessThan(BF16);
    expect(error).toBeGreaterThan(1e-4); // It was bf16.
  });

  test("keeps the residual stream in f32", () => {
    const hidden = autocast("bfloat16", "cpu", () => model.encoder.hiddenStates(paddedInput(), { training: false }));
    for (const states of hidden) expect(states.dtype).toBe("float32");
  });

  test("gives f32 gradients, those of f32 within what bf16 can tell", () => {
    const single = gradients(model, "float32");
    const half = gradients(model, "bfloat16");
    for (const [name, gradient] of single) {
      expect(cosine(half.get(name) as Float32Array, gradient), name).toBeGreaterThan(0.995);
    }
  });
});

/** d(Σ log p of token 7 in the first sequence)/d(parameter), for every parameter. */
function gradients(model: MaskedLm, dtype: "bfloat16" | "float32"): Map<string, Float32Array> {
  for (const [, { value }] of model.namedParameters()) value.requiresGrad_();
  const logits = autocast(dtype, "cpu", () => model.forward(paddedInput(), { training: false }));
  logits.to("float32").logSoftmax().narrow(2, 7, 1).select(0, 0).sum().backward();
  const found = new Map<string, Float32Array>();
  for (const [name, { value }] of model.namedParameters()) {
    const gradient = value.grad as Tensor;
    expect(gradient.dtype, name).toBe("float32");
    found.set(name, gradient.toFloat32Array());
    value.grad = null;
    value.requiresGrad_(false);
  }
  return found;
}

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array): number =>
    x.reduce((sum, value, i) => sum + value * (y[i] as number), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
