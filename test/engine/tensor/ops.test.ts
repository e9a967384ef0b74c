import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { native } from "../../../src/engine/native.js";
import { autocast, backward } from "../../../src/engine/tensor/autograd.js";
import { tensor } from "../../../src/engine/tensor/create.js";
import type { DType } from "../../../src/engine/tensor/dtype.js";
import type { Tensor } from "../../../src/engine/tensor/tensor.js";
import { runTestsInScope } from "./in-scope.js";
import { type OpArguments, opCalls } from "./op-calls.js";

/** Not finite numbers are strings: JSON has none. */
type GoldenNumber = number | "inf" | "-inf" | "nan";

interface GoldenTensor {
  dtype: DType;
  shape: number[];
  data: GoldenNumber[];
}

interface GoldenCase {
  op: string;
  args?: Record<string, unknown>;
  autocast?: DType;
  inputs: (GoldenTensor & { transposed?: boolean; gradient?: GoldenNumber[] })[];
  outputs: GoldenTensor[];
}

/** Relative, and below `floor` absolute: what cancels to nearly nothing keeps the error of what it was made of. */
const tolerances = {
  float32: { relative: 1e-5, floor: 0.1 },
  bfloat16: { relative: 2 ** -7, floor: 16 }, // 8 bits of significand; libtorch 1.13 also sums products in bf16.
};

/** Bindings whose result a golden cannot hold; each has closed-form tests instead. */
const withoutGolden = new Set([
  ...["fromBytes", "full", "arange", "toDevice", "alias"], // create.test.ts
  ...["grad", "detach"], // autograd.test.ts
  "divScalar", // below
  ...["dropout", "normal_", "uniform_"], // random.test.ts
  "adamW_", // optim/adamw.test.ts
  "vocabularyLosses_", // vocabulary-losses.test.ts
]);

const file = new URL("../../goldens/ops.json", import.meta.url);
const cases = JSON.parse(readFileSync(file, "utf8")) as GoldenCase[];

runTestsInScope();

describe("equals PyTorch in outputs and gradients:", () => {
  test.each(cases.map((golden) => [titleOf(golden), golden] as const))("%s", (_title, golden) => {
    const leaves = golden.inputs.map(leafOf);
    const inputs = leaves.map((leaf, i) => (golden.inputs[i]?.transposed ? leaf.transpose(-1, -2) : leaf));
    const outputs = autocast(golden.autocast ?? "float32", "cpu", () => call(golden, inputs));
    const roots = outputs.filter((output) => output.requiresGrad);
    backward(roots, roots.map(weightsLike));

    const tolerance = golden.autocast === "bfloat16" ? tolerances.bfloat16 : tolerances.float32;
    expect(outputs).toHaveLength(golden.outputs.length);
    for (const [i, expected] of golden.outputs.entries()) expectTensor(outputs[i], expected, tolerance);
    for (const [i, { shape, gradient }] of golden.inputs.entries()) {
      if (gradient === undefined) expect(leaves[i]?.grad ?? null).toBeNull();
      else expectTensor(leaves[i]?.grad, { dtype: "float32", shape, data: gradient }, tolerance);
    }
  });
});

test("an op writes to nothing that it does not say it writes to", () => {
  for (const golden of cases) {
    const inputs = golden.inputs.map((input) => {
      const leaf = leafOf(input).detach();
      return input.transposed ? leaf.transpose(-1, -2) : leaf;
    });
    const before = inputs.map((input) => input.toBytes());
    autocast(golden.autocast ?? "float32", "cpu", () => call(golden, inputs)); // Of ops in place, on a copy.
    const after = inputs.map((input) => input.toBytes());
    expect(after, golden.op).toEqual(before);
  }
});

test("ops in place, and no others, say what they write to", () => {
  const { signatures } = native as unknown as { signatures: Record<string, string> };
  const written = (name: string) => (signatures[name]?.match(/\w(?=: Written)/g) ?? []).join("");
  for (const name of Object.keys(signatures)) expect(written(name) !== "", name).toBe(name.endsWith("_"));
  expect(written("add_")).toBe("a");
  expect(written("adamW_")).toBe("acd"); // Values and both moments.
  expect(written("vocabularyLosses_")).toBe("ad"); // Logits, and the bias's gradient.
});

test("divides by a number as IEEE 754 does, not by its reciprocal", () => {
  const values = Float32Array.from({ length: 1000 }, (_, i) => Math.fround(Math.sin(i) * 10 ** (i % 7)));
  for (const divisor of [3, 7, 0.1, 49]) {
    // A quotient of two f32 in doubles, rounded once more, is the f32 quotient.
    const expected = values.map((value) => Math.fround(value / Math.fround(divisor)));
    expect(tensor(values).div(divisor).toFloat32Array()).toEqual(expected);
  }
  expect(tensor([7], { dtype: "int64" }).div(2).item()).toBe(3.5);
});

test("every binding with a tensor for a result has a golden", () => {
  const covered = new Set(cases.map(({ op }) => op));
  const missing = resultBindings().filter((name) => !covered.has(name) && !withoutGolden.has(name));
  expect(missing).toEqual([]);
});

test("no binding is excused that has a golden or is no more", () => {
  const covered = new Set(cases.map(({ op }) => op));
  const known = new Set(resultBindings());
  expect([...withoutGolden].filter((name) => covered.has(name) || !known.has(name))).toEqual([]);
});

test("in-place methods return the tensor they changed", () => {
  const x = tensor([1, 2]);
  expect(x.add_(tensor([1, 1])).mul_(2)).toBe(x);
  expect(x.toFloat32Array()).toEqual(Float32Array.of(4, 6));
});

/** Bindings that give a tensor, and those that change one. */
function resultBindings(): string[] {
  const { signatures } = native as unknown as { signatures: Record<string, string> };
  return Object.entries(signatures)
    .filter(([name, signature]) => signature.split(" => ")[1]?.includes("Handle") || name.endsWith("_"))
    .map(([name]) => name);
}

function titleOf({ op, args, autocast, inputs }: GoldenCase): string {
  const shapes = inputs.map(({ shape, dtype, transposed }) => {
    return `${dtype === "float32" ? "" : dtype}[${shape}]${transposed ? "ᵀ" : ""}`;
  });
  return [op, ...shapes, args && JSON.stringify(args), autocast && `in ${autocast}`].filter(Boolean).join(" ");
}

function call({ op, args }: GoldenCase, inputs: Tensor[]): Tensor[] {
  const apply = opCalls[op];
  if (apply === undefined) throw new Error(`op-calls.ts does not say how ${op} is called`);
  const named = Object.entries(args ?? {}).map(([name, value]) => [name, infinityOr(value)]);
  const result = apply(inputs as Parameters<typeof apply>[0], Object.fromEntries(named) as OpArguments);
  return Array.isArray(result) ? result : [result];
}

function infinityOr(value: unknown): unknown {
  return value === "inf" || value === "-inf" ? numberOf(value) : value;
}

function leafOf({ data, shape, dtype, gradient }: GoldenCase["inputs"][number]): Tensor {
  const leaf = tensor(Float64Array.from(data, numberOf), { shape, dtype });
  return gradient === undefined ? leaf : leaf.requiresGrad_();
}

/** The gradient of the sum that the goldens weight: ((7 i) mod 11 − 5) / 4 for element i. */
function weightsLike(output: Tensor): Tensor {
  const weights = Float64Array.from({ length: output.numel }, (_, i) => (((7 * i) % 11) - 5) / 4);
  return tensor(weights, { shape: output.shape, dtype: output.dtype });
}

function expectTensor(
  actual: Tensor | null | undefined,
  expected: GoldenTensor,
  tolerance: { relative: number; floor: number },
): void {
  if (!actual) throw new Error("no tensor where the golden has one");
  expect(actual.dtype).toBe(expected.dtype);
  expect(actual.shape).toEqual(expected.shape);
  const numbers = [...actual.toFloat32Array()];
  const wanted = expected.data.map(numberOf);
  const isFar = (value: number, i: number) => !isNear(value, wanted[i] ?? Number.NaN, tolerance);
  if (numbers.some(isFar)) expect(numbers, "beyond the tolerance").toEqual(wanted);
}

function isNear(actual: number, expected: number, { relative, floor }: { relative: number; floor: number }): boolean {
  if (!Number.isFinite(expected)) return Object.is(actual, expected);
  return Math.abs(actual - expected) <= relative * Math.max(Math.abs(expected), floor);
}

function numberOf(value: GoldenNumber): number {
  if (typeof value === "number") return value;
  return value === "nan" ? Number.NaN : value === "inf" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
}
