import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { liveTensors, tidy } from "../../../src/engine/tensor/scope.js";
import type { Tensor } from "../../../src/engine/tensor/tensor.js";
import { MaskedLm } from "../../../src/models/masked-lm.js";
import { maskedLmLoss } from "../../../src/training/loop/losses.js";
import { rowsAt, toMicroBatch } from "../../../src/training/loop/micro-batch.js";
import {
  MaskedLmObjective,
  pretrainConfig,
  startPositionsSinusoidal,
  tilePositions,
} from "../../../src/training/pretrain/pretrain.js";
import { relativeError } from "../../models/closeness.js";
import { madeUpStep, resultOf, smallBert } from "../loop/made-up-steps.js";
import { smallPretraining } from "../loop/recipes.js";

describe("the objective", () => {
  let objective: MaskedLmObjective;
  let before: number;
  beforeAll(() => {
    before = liveTensors();
    objective = new MaskedLmObjective(smallBert, { seed: 2, productDType: "float32", device: "cpu" });
  });
  afterAll(() => {
    objective[Symbol.dispose]();
    expect(liveTensors()).toBe(before);
  });

  test("is the mean cross-entropy of the masked positions, with autograd's gradient through whole logits", () => {
    const step = madeUpStep({ lengths: "different", microBatchTokens: 1000 });
    const { gradient, losses } = resultOf(objective, step);
    const { model, parameters } = objective;
    parameters.gradients.zero_();
    const [expected] = tidy(() => {
      const { input, positions, labels, M } = toMicroBatch(
        step.microBatches[0] as (typeof step.microBatches)[0],
        "cpu",
      );
      const logits = model.forward(input, { training: true });
      const loss = maskedLmLoss(rowsAt(logits, positions.narrow(0, 0, M)), labels).div(M);
      loss.backward();
      return [loss.item()];
    });
    expect(losses[0]).toBeCloseTo(expected as number, 5);
    expect(relativeError(gradient, parameters.gradients.toFloat32Array())).toBeLessThan(1e-5);
  });

  test("gives each parameter a gradient but the second token type, which no single text has", () => {
    resultOf(objective, madeUpStep({ lengths: "equal", microBatchTokens: 1000 }));
    const { parameters } = objective;
    for (const [name] of parameters.slices) {
      const gradient = tidy(() => [parameters.view(parameters.gradients, name).toFloat32Array()])[0] as Float32Array;
      const half = gradient.subarray(0, name === "embeddings.tokenType.weight" ? 16 : gradient.length);
      expect(
        half.some((value) => value !== 0),
        name,
      ).toBe(true);
    }
  });

  test("draws its initial weights by the seed", () => {
    const words = (seed: number) => {
      using other = new MaskedLmObjective(smallBert, { seed, productDType: "float32", device: "cpu" });
      return other.model.outputWeight.toFloat32Array();
    };
    expect(words(2)).toEqual(objective.model.outputWeight.toFloat32Array());
    expect(words(3)).not.toEqual(words(2));
  });

  test("in bf16 is that of f32 within its rounding", () => {
    using half = new MaskedLmObjective(smallBert, { seed: 2, productDType: "bfloat16", device: "cpu" });
    const step = madeUpStep({ lengths: "different", microBatchTokens: 200 });
    const [expected, actual] = [resultOf(objective, step), resultOf(half, step)];
    expect(Math.abs((actual.losses[0] ?? 0) - (expected.losses[0] ?? 0))).toBeLessThan(0.02);
    expect(relativeError(actual.gradient, expected.gradient)).toBeLessThan(0.05);
  });
});

test("a recipe's shape is the model's, with the tokenizer's vocabulary", () => {
  expect(pretrainConfig(smallPretraining, 120, 7)).toMatchObject({
    ...{ family: "bert", vocabSize: 120, padTokenId: 7, layers: 2, hiddenSize: 16, heads: 2, intermediateSize: 32 },
    ...{ maxPositions: 24, tokenTypes: 2, dropout: 0.1, attentionDropout: 0.1, initializerRange: 0.1 },
  });
});

test("sinusoidal positions are Vaswani's, as large as the other embeddings", () => {
  const before = liveTensors();
  {
    using model = new MaskedLm(smallBert).materialise();
    startPositionsSinusoidal(model);
    const { value }: { value: Tensor } = model.encoder.embeddings.position.weight;
    const table = value.toFloat32Array();
    const scale = smallBert.initializerRange * Math.SQRT2;
    const at = (position: number, column: number) => (table[position * 16 + column] ?? Number.NaN) / scale;
    expect([at(0, 0), at(0, 1), at(0, 14), at(0, 15)]).toEqual([0, 1, 0, 1].map((each) => expect.closeTo(each, 6)));
    expect(at(5, 0)).toBeCloseTo(Math.sin(5), 6);
    expect(at(5, 1)).toBeCloseTo(Math.cos(5), 6);
    expect(at(7, 4)).toBeCloseTo(Math.sin(7 / 10_000 ** (4 / 16)), 6);
    expect(at(7, 5)).toBeCloseTo(Math.cos(7 / 10_000 ** (4 / 16)), 6);
    const rootMeanSquare = Math.sqrt(table.reduce((sum, each) => sum + each * each, 0) / table.length);
    expect(rootMeanSquare).toBeCloseTo(smallBert.initializerRange, 6);
  }
  expect(liveTensors()).toBe(before);
});

test("positions are filled from the row of the first token on, and none before it is touched", () => {
  using plain = new MaskedLm(smallBert).materialise();
  using shifted = new MaskedLm({ ...smallBert, positionOffset: 2 }).materialise();
  const rowsOf = ({ encoder }: MaskedLm) => [...encoder.embeddings.position.weight.value.toFloat32Array()];
  const before = rowsOf(shifted).slice(0, 2 * 16);
  for (const model of [plain, shifted]) {
    startPositionsSinusoidal(model);
    tilePositions(model, 10);
  }
  expect(rowsOf(shifted)).toEqual([...before, ...rowsOf(plain)]);
});

test("tiled positions start as copies of the first ones, again and again", () => {
  const before = liveTensors();
  {
    using model = new MaskedLm(smallBert).materialise();
    const { value } = model.encoder.embeddings.position.weight;
    const rowsOf = () => {
      const table = value.toFloat32Array();
      return Array.from({ length: smallBert.maxPositions }, (_, p) => [...table.subarray(p * 16, (p + 1) * 16)]);
    };
    const original = rowsOf();
    tilePositions(model, 10);
    expect(rowsOf()).toEqual(original.map((_, p) => original[p % 10]));
  }
  expect(liveTensors()).toBe(before);
});
