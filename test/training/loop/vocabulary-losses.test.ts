import { describe, expect, test } from "vitest";
import { backward } from "../../../src/engine/tensor/autograd.js";
import { tensor, zeros } from "../../../src/engine/tensor/create.js";
import type { DType } from "../../../src/engine/tensor/dtype.js";
import { linear } from "../../../src/engine/tensor/ops.js";
import { manualSeed } from "../../../src/engine/tensor/random.js";
import { liveTensors, tidy } from "../../../src/engine/tensor/scope.js";
import type { Tensor } from "../../../src/engine/tensor/tensor.js";
import { maskedLmLoss, softTargetLoss } from "../../../src/training/loop/losses.js";
import { vocabularyLosses } from "../../../src/training/loop/vocabulary-losses.js";
import { runTestsInScope } from "../../engine/tensor/in-scope.js";
import { relativeError } from "../../models/closeness.js";

runTestsInScope();

const D = 12;
const V = 50;
const temperature = 2;
const ceScale = 5 / 37;
const mlmScale = 2 / 7;

interface Sizes {
  /** Rows in all, and those whose label is predicted. */
  N: number;
  M: number;
  /** Whether there are soft targets. */
  teacher: boolean;
}

function drawn(shape: readonly number[], std = 1): Tensor {
  return zeros(shape).normal_(0, std);
}

function draw({ N, M, teacher }: Sizes) {
  manualSeed(3);
  const layer = () => ({ rows: drawn([N, D]), weight: drawn([V, D], 0.5), bias: drawn([V]) });
  const labels = Int32Array.from({ length: M }, (_, i) => (i * 17 + 3) % V);
  return { student: layer(), teacher: teacher ? layer() : null, labels: tensor(labels, { dtype: "int64" }) };
}

type Results = Record<"ce" | "mlm" | "rows" | "weight" | "bias", Float32Array>;

/** The losses on whole logits, with autograd; gradients are added to ones, as training adds them to what is there. */
function plain(sizes: Sizes): Results {
  const { student, teacher, labels } = draw(sizes);
  const { rows, weight, bias } = student;
  for (const leaf of [rows, weight, bias]) leaf.requiresGrad_();
  const logits = linear(rows, weight, bias);
  const teacherLogits = teacher && linear(teacher.rows, teacher.weight, teacher.bias);
  const ce = teacherLogits === null ? zeros([]) : softTargetLoss(logits, teacherLogits, temperature);
  const mlm = maskedLmLoss(logits.narrow(0, 0, sizes.M), labels);
  backward([ce.mul(ceScale).add(mlm.mul(mlmScale))], [zeros([]).add_(1)]);
  const gradient = (leaf: Tensor) => (leaf.grad ?? zeros(leaf.shape)).toFloat32Array();
  return {
    ce: ce.view([1]).toFloat32Array(),
    mlm: mlm.view([1]).toFloat32Array(),
    rows: gradient(rows),
    weight: gradient(weight).map((value) => value + 1),
    bias: gradient(bias).map((value) => value + 1),
  };
}

function chunked(sizes: Sizes, options: { chunkRows?: number; productDType?: DType } = {}): Results {
  const weightGradient = zeros([V, D]).add_(1);
  const biasGradient = zeros([V]).add_(1);
  const { ce, mlm, rowsGradient } = vocabularyLosses({
    ...draw(sizes),
    temperature,
    ceScale,
    mlmScale,
    weightGradient,
    biasGradient,
    productDType: "float32",
    ...options,
  });
  return {
    ce: ce.view([1]).toFloat32Array(),
    mlm: mlm.view([1]).toFloat32Array(),
    rows: rowsGradient.toFloat32Array(),
    weight: weightGradient.toFloat32Array(),
    bias: biasGradient.toFloat32Array(),
  };
}

function expectSame(actual: Results, expected: Results, tolerance: number): void {
  for (const [name, values] of Object.entries(expected)) {
    expect(relativeError(actual[name as keyof Results], values), name).toBeLessThan(tolerance);
  }
}

const cases: (Sizes & { what: string })[] = [
  { what: "some rows masked", N: 37, M: 7, teacher: true },
  { what: "no row masked", N: 20, M: 0, teacher: true },
  { what: "every row masked", N: 20, M: 20, teacher: true },
  { what: "every row masked, without a teacher", N: 20, M: 20, teacher: false },
  { what: "some rows masked, without a teacher", N: 20, M: 5, teacher: false },
  { what: "one row", N: 1, M: 1, teacher: true },
];

describe.each(cases)("with $what, the losses and gradients in chunks", (sizes) => {
  test.each([1, 3, 7, 16, 1000])("of %i rows are those of whole logits, to 1e-6", (chunkRows) => {
    expectSame(chunked(sizes, { chunkRows }), plain(sizes), 1e-6);
  });

  test("of the default size are those of whole logits, to 1e-6", () => {
    expectSame(chunked(sizes), plain(sizes), 1e-6);
  });

  test("in bf16 are those of f32 within its rounding", () => {
    // Logits of size 4 are off by 2⁻⁷ each; a loss is a sum over rows, in which this evens out.
    expectSame(chunked(sizes, { chunkRows: 8, productDType: "bfloat16" }), plain(sizes), 0.05);
  });
});

test("no rows at all give no loss and leave the gradients alone", () => {
  const results = chunked({ N: 0, M: 0, teacher: true });
  expect([...results.ce, ...results.mlm]).toEqual([0, 0]);
  expect(results.rows).toHaveLength(0);
  expect(new Set([...results.weight, ...results.bias])).toEqual(new Set([1]));
});

test("only the losses and the rows' gradient are left, which record no history", () => {
  const sizes = { N: 37, M: 7, teacher: true };
  const { student, ...rest } = draw(sizes);
  student.weight.requiresGrad_();
  const [weightGradient, biasGradient] = [zeros([V, D]), zeros([V])];
  const before = liveTensors();
  tidy(() => {
    const outer = liveTensors();
    const losses = vocabularyLosses({
      ...{ ...rest, student, temperature, ceScale, mlmScale, weightGradient, biasGradient },
      productDType: "bfloat16",
      chunkRows: 5,
    });
    expect(liveTensors() - outer).toBe(3);
    expect(Object.values(losses).some(({ requiresGrad }) => requiresGrad)).toBe(false);
  });
  expect(liveTensors()).toBe(before);
});

test("a vocabulary of 30,522 takes chunks of a few hundred rows: memory does not grow with the rows", () => {
  const [rows, width] = [3000, 8];
  const layer = () => ({ rows: drawn([rows, width]), weight: drawn([30_522, width]), bias: zeros([30_522]) });
  const options = {
    student: layer(),
    teacher: null,
    labels: tensor(new Int32Array(rows), { dtype: "int64" }),
    ...{ temperature, ceScale, mlmScale },
    weightGradient: zeros([30_522, width]),
    biasGradient: zeros([30_522]),
    productDType: "float32" as const,
  };
  const beforeBytes = process.resourceUsage().maxRSS * 1024;
  tidy(() => vocabularyLosses(options));
  // Whole logits would take 366 MB, and as much again for their softmax and their gradient.
  expect(process.resourceUsage().maxRSS * 1024 - beforeBytes).toBeLessThan(300e6);
});
