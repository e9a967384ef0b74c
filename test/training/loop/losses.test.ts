import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { tensor } from "../../../src/engine/tensor/create.js";
import type { Tensor } from "../../../src/engine/tensor/tensor.js";
import { cosineLoss, maskedLmLoss, softTargetLoss } from "../../../src/training/loop/losses.js";
import { runTestsInScope } from "../../engine/tensor/in-scope.js";
import { relativeError } from "../../models/closeness.js";

runTestsInScope();

interface Pair {
  student: number[][];
  teacher: number[][];
  loss: number;
  gradient: number[];
}

/** What PyTorch computes: test/goldens/losses.py. */
const golden = JSON.parse(readFileSync(new URL("../../goldens/losses.json", import.meta.url), "utf8")) as {
  softTargets: (Pair & { temperature: number })[];
  maskedLm: { logits: number[][]; labels: number[]; loss: number; gradient: number[] }[];
  cosine: Pair[];
};

function labelsOf(labels: readonly number[]): Tensor {
  return tensor([...labels], { dtype: "int64" });
}

/** Checks a loss and its gradient with respect to `x`. */
function expectGolden(loss: Tensor, x: Tensor, expected: { loss: number; gradient: number[] }): void {
  expect(relativeError(loss.view([1]).toFloat32Array(), Float32Array.of(expected.loss))).toBeLessThan(1e-5);
  loss.backward();
  expect(relativeError((x.grad as Tensor).toFloat32Array(), Float32Array.from(expected.gradient))).toBeLessThan(1e-5);
}

describe("the soft-target loss", () => {
  test("is T² KL(t ‖ s), worked by hand", () => {
    const student = tensor([[0, 0]]); // s = (1/2, 1/2) at any T
    const teacher = tensor([[2 * Math.log(3), 0]]); // at T = 2: t = (3/4, 1/4)
    const kl = 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5);
    expect(softTargetLoss(student, teacher, 2).item()).toBeCloseTo(4 * kl, 6);
  });

  test("is 0 where student and teacher agree but for a constant, with no gradient", () => {
    const student = tensor([[1, 2, 5]]).requiresGrad_();
    const loss = softTargetLoss(student, tensor([[11, 12, 15]]), 2);
    expect(loss.item()).toBeCloseTo(0, 6);
    loss.backward();
    for (const value of (student.grad as Tensor).toFloat32Array()) expect(value).toBeCloseTo(0, 6);
  });

  test.each(golden.softTargets)(
    "is PyTorch's kl_div with batchmean, times T² and the rows, at T = $temperature",
    (each) => {
      const student = tensor(each.student).requiresGrad_();
      expectGolden(softTargetLoss(student, tensor(each.teacher), each.temperature), student, each);
    },
  );
});

describe("the masked-language-model loss", () => {
  test("is −log p of each label, summed, worked by hand", () => {
    const logits = tensor([
      [Math.log(3), 0], // p = (3/4, 1/4)
      [0, 0], // p = (1/2, 1/2)
      [9, -9], // no label
    ]);
    expect(maskedLmLoss(logits, labelsOf([1, 0, -100])).item()).toBeCloseTo(Math.log(4) + Math.log(2), 6);
  });

  test.each(golden.maskedLm)("is PyTorch's cross_entropy, for labels $labels", (each) => {
    const logits = tensor(each.logits).requiresGrad_();
    expectGolden(maskedLmLoss(logits, labelsOf(each.labels)), logits, each);
  });
});

describe("the cosine loss", () => {
  test("is 0 for parallel, 1 for orthogonal and 2 for opposite rows, summed", () => {
    const student = tensor([
      [3, 4],
      [1, 0],
      [1, 1],
    ]);
    const teacher = tensor([
      [6, 8],
      [0, 5],
      [-2, -2],
    ]);
    const rows = [0, 1, 2].map((row) => cosineLoss(student.narrow(0, row, 1), teacher.narrow(0, row, 1)).item());
    for (const [row, expected] of [0, 1, 2].entries()) expect(rows[row]).toBeCloseTo(expected, 6);
    expect(cosineLoss(student, teacher).item()).toBeCloseTo(3, 6);
  });

  test("is finite, and so is its gradient, for a row of zeros", () => {
    const student = tensor([[0, 0]]).requiresGrad_();
    const loss = cosineLoss(student, tensor([[1, 2]]));
    expect(loss.item()).toBe(1);
    loss.backward();
    expect([...(student.grad as Tensor).toFloat32Array()].every(Number.isFinite)).toBe(true);
  });

  test.each(golden.cosine)("is PyTorch's CosineEmbeddingLoss", (each) => {
    const student = tensor(each.student).requiresGrad_();
    expectGolden(cosineLoss(student, tensor(each.teacher)), student, each);
  });
});
