import { describe, expect, test } from "vitest";
import { tensor, zeros } from "../../../src/engine/tensor/create.js";
import type { DType } from "../../../src/engine/tensor/dtype.js";
import { vocabularyLosses_ } from "../../../src/engine/tensor/ops.js";
import { manualSeed } from "../../../src/engine/tensor/random.js";
import type { Tensor } from "../../../src/engine/tensor/tensor.js";
import { NativeError } from "../../../src/errors.js";
import { relativeError } from "../../models/closeness.js";
import { runTestsInScope } from "./in-scope.js";

runTestsInScope();

interface Case {
  what: string;
  rows: number;
  V: number;
  labels: number;
  teacher: boolean;
  temperature: number;
}

const weights = { ceScale: 0.7, mlmScale: 0.3 };
const layouts = { kernel: (x: Tensor) => x, ops: (x: Tensor) => x.transpose(0, 1).contiguous().transpose(0, 1) };

/** The same numbers by the kernel, or, for a layout it does not take, by libtorch's own ops. */
function losses(by: keyof typeof layouts, { rows, V, labels, teacher, temperature }: Case, dtype: DType) {
  manualSeed(7);
  const drawn = () => layouts[by](zeros([rows, V]).normal_(0, 4).to(dtype));
  const [logits, soft] = [drawn(), drawn()];
  const ids = Int32Array.from({ length: labels }, (_, i) => (i * 7919 + V - 1) % V);
  const bias = zeros([V]).add_(1);
  const sums = vocabularyLosses_(logits, teacher ? soft : null, tensor(ids, { dtype: "int64" }), bias, {
    ...weights,
    temperature,
  });
  const [gradient, biasGradient] = [logits.to("float32").contiguous().toFloat32Array(), bias.toFloat32Array()];
  return { sums: sums.toFloat32Array(), gradient, biasGradient };
}

const cases: Case[] = [
  { what: "BERT's vocabulary", rows: 3, V: 30_522, labels: 2, teacher: true, temperature: 2 },
  { what: "another temperature", rows: 5, V: 1000, labels: 5, teacher: true, temperature: 3 },
  { what: "a temperature of 1", rows: 5, V: 1000, labels: 1, teacher: true, temperature: 1 },
  { what: "fewer words than a vector has lanes", rows: 4, V: 5, labels: 3, teacher: true, temperature: 2 },
  { what: "labels alone", rows: 4, V: 2064, labels: 4, teacher: false, temperature: 2 },
  { what: "a teacher alone", rows: 4, V: 2064, labels: 0, teacher: true, temperature: 2 },
];

describe.each(cases)("with $what, the kernel's losses and gradients", (given) => {
  test("are those of libtorch's ops, to 3e-6", () => {
    const [kernel, ops] = [losses("kernel", given, "float32"), losses("ops", given, "float32")];
    for (const key of ["sums", "gradient", "biasGradient"] as const) {
      expect(relativeError(kernel[key], ops[key]), key).toBeLessThan(3e-6);
    }
  });

  test("are in bf16 the same but for the gradient's last bit", () => {
    const [kernel, ops] = [losses("kernel", given, "bfloat16"), losses("ops", given, "bfloat16")];
    for (const key of ["sums", "biasGradient"] as const) {
      expect(relativeError(kernel[key], ops[key]), key).toBeLessThan(3e-6);
    }
    expect(relativeError(kernel.gradient, ops.gradient)).toBeLessThan(2 ** -8);
  });
});

test("a NaN among the logits is a NaN in the losses", () => {
  const logits = tensor([[0, Number.NaN, 1, 2]]);
  const teacher = tensor([[0, 1, 2, 3]]);
  const label = tensor(Int32Array.of(2), { dtype: "int64" });
  const sums = vocabularyLosses_(logits, teacher, label, zeros([4]), { ...weights, temperature: 2 });
  expect([...sums.toFloat32Array()]).toEqual([Number.NaN, Number.NaN]);
});

test("an infinite logit is no finite loss", () => {
  const label = tensor(Int32Array.of(2), { dtype: "int64" });
  const logits = tensor([[0, Number.POSITIVE_INFINITY, 1, 2]]);
  const sums = vocabularyLosses_(logits, null, label, zeros([4]), { ...weights, temperature: 2 });
  expect(Number.isFinite(sums.toFloat32Array()[1])).toBe(false);
});

test("a label that is no id of the vocabulary is refused", () => {
  const label = tensor(Int32Array.of(4), { dtype: "int64" });
  const act = () => vocabularyLosses_(zeros([1, 4]), null, label, zeros([4]), { ...weights, temperature: 2 });
  expect(act).toThrow(NativeError);
  expect(act).toThrow("vocabularyLosses_: label 4 of row 0 is no id of a vocabulary of 4");
});
