import { describe, expect, test } from "vitest";
import type { MaskedBatch } from "../../../src/data/masked-batches.js";
import { noiseKeys } from "../../../src/data/philox.js";
import { setThreads } from "../../../src/engine/tensor/device.js";
import { manualSeed } from "../../../src/engine/tensor/random.js";
import { liveTensors } from "../../../src/engine/tensor/scope.js";
import { MaskedLm } from "../../../src/models/masked-lm.js";
import { DistillObjective } from "../../../src/training/distill/distill-objective.js";
import type { Objective } from "../../../src/training/loop/objective.js";
import { MaskedLmObjective } from "../../../src/training/pretrain/pretrain.js";
import { relativeError } from "../../models/closeness.js";
import { tripleLoss } from "../distill/recipes.js";
import { madeUpStep, resultOf, type StepResult, smallBert } from "./made-up-steps.js";

const WHOLE = 16 * 24;
const inF32 = { productDType: "float32", device: "cpu" } as const;

/** Runs `body` with an objective and disposes of all it made. */
function withObjective(
  kind: "pretraining" | "distillation",
  dropout: number,
  body: (objective: Objective) => void,
): void {
  const before = liveTensors();
  {
    using teacher = seeded(new MaskedLm(smallBert));
    using objective =
      kind === "pretraining"
        ? new MaskedLmObjective({ ...smallBert, dropout, attentionDropout: dropout }, { ...inF32, seed: 2 })
        : new DistillObjective(teacher, { ...tripleLoss, studentLayers: 1, dropout }, inF32);
    body(objective);
  }
  expect(liveTensors()).toBe(before);
}

function seeded(model: MaskedLm): MaskedLm {
  manualSeed(1);
  return model.materialise();
}

/** f32 sums in another order differ by some units in the last place. */
function expectSame(actual: StepResult, expected: StepResult): void {
  expect(relativeError(actual.gradient, expected.gradient)).toBeLessThan(3e-6);
  for (const [i, loss] of expected.losses.entries()) expect(actual.losses[i]).toBeCloseTo(loss, 5);
}

function sum(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value + (b[i] ?? 0));
}

const cases = (["pretraining", "distillation"] as const).flatMap((kind) =>
  (["equal", "different"] as const).flatMap((lengths) => [0, 0.1].map((dropout) => ({ kind, lengths, dropout }))),
);

describe.each(cases)("a step of $kind, sequences of $lengths lengths, at dropout $dropout", (each) => {
  const { kind, lengths, dropout } = each;
  test("is the same however it is cut into micro-batches", () => {
    withObjective(kind, dropout, (objective) => {
      const whole = madeUpStep({ lengths, microBatchTokens: WHOLE });
      expect(whole.microBatches).toHaveLength(1);
      const expected = resultOf(objective, whole);
      expect(expected.gradient.every(Number.isFinite)).toBe(true);
      for (const [parts, atLeast] of [
        [4, 3],
        [16, 10],
      ] as const) {
        const cut = madeUpStep({ lengths, microBatchTokens: WHOLE / parts });
        expect(cut.microBatches.length).toBeGreaterThanOrEqual(atLeast);
        expectSame(resultOf(objective, cut), expected);
      }
    });
  });

  test("is the sum of what two ranks compute", () => {
    withObjective(kind, dropout, (objective) => {
      const ranks = [0, 1].map((rank) =>
        resultOf(objective, madeUpStep({ lengths, microBatchTokens: 2 * 24, rank, worldSize: 2 })),
      ) as [StepResult, StepResult];
      const added = {
        gradient: sum(ranks[0].gradient, ranks[1].gradient),
        losses: ranks[0].losses.map((loss, i) => loss + (ranks[1].losses[i] ?? 0)),
      };
      expectSame(added, resultOf(objective, madeUpStep({ lengths, microBatchTokens: WHOLE })));
    });
  });

  test("is the same with one thread and with two", () => {
    withObjective(kind, dropout, (objective) => {
      const step = madeUpStep({ lengths, microBatchTokens: WHOLE });
      const [two, one] = [2, 1].map((threads) => {
        setThreads(threads);
        return resultOf(objective, step);
      }) as [StepResult, StepResult];
      expectSame(two, one);
    });
  });

  test("is cut unevenly too", () => {
    withObjective(kind, dropout, (objective) => {
      const whole = madeUpStep({ lengths, microBatchTokens: WHOLE });
      const [halves, quarters] = [8, 4].map((rows) => madeUpStep({ lengths, microBatchSequences: rows }).microBatches);
      const mixed = { ...whole, microBatches: [...(halves ?? []).slice(0, 1), ...(quarters ?? []).slice(2)] };
      expect(mixed.microBatches.reduce((sum, { B }) => sum + B, 0)).toBe(16);
      expectSame(resultOf(objective, mixed), resultOf(objective, whole));
    });
  });
});

test("dropout changes a step, and each step's noise is another", () => {
  const gradientOf = (dropout: number, step: number) => {
    let gradient: Float32Array = new Float32Array(0);
    withObjective("pretraining", dropout, (objective) => {
      const whole = madeUpStep({ lengths: "equal", microBatchTokens: WHOLE });
      const [batch] = whole.microBatches as [MaskedBatch];
      const noiseKeysOfStep = noiseKeys(
        1,
        step,
        Array.from({ length: batch.B }, (_, i) => i),
      );
      gradient = resultOf(objective, { ...whole, microBatches: [{ ...batch, noiseKeys: noiseKeysOfStep }] }).gradient;
    });
    return gradient;
  };
  const steps = [gradientOf(0, 0), gradientOf(0.1, 0), gradientOf(0.1, 1)] as const;
  expect(relativeError(steps[1], steps[0])).toBeGreaterThan(0.01);
  expect(relativeError(steps[2], steps[1])).toBeGreaterThan(0.01);
  expect(gradientOf(0.1, 1)).toEqual(steps[2]);
});

describe.each(["pretraining", "distillation"] as const)("a step of %s", (kind) => {
  test("without a masked position in one micro-batch, or in any, is finite", () => {
    withObjective(kind, 0.1, (objective) => {
      const step = madeUpStep({ lengths: "different", microBatchTokens: 48 });
      const unmasked = step.microBatches.map((batch) => ({
        ...batch,
        labels: batch.labels.map(() => -100),
        maskedCount: 0,
      }));
      for (const each of [
        { ...step, microBatches: [...unmasked.slice(0, 1), ...step.microBatches.slice(1)] },
        { ...step, microBatches: unmasked, maskedCount: 0 },
      ]) {
        const { gradient, losses } = resultOf(objective, each);
        expect([...gradient, ...losses].every(Number.isFinite)).toBe(true);
      }
    });
  });
});
