import { describe, expect, test } from "vitest";
import type { Bindings } from "../../../src/engine/native.gen.js";
import { native } from "../../../src/engine/native.js";
import { backward } from "../../../src/engine/tensor/autograd.js";
import { tensor, zeros } from "../../../src/engine/tensor/create.js";
import { embedding, linear, nllLoss } from "../../../src/engine/tensor/ops.js";
import { LifetimeError, NativeError, ShapeError } from "../../../src/errors.js";
import { runTestsInScope } from "./in-scope.js";

runTestsInScope();

/** What `body` throws. */
function thrownBy(body: () => unknown): Error {
  try {
    body();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("nothing was thrown");
}

describe("what libtorch refuses is a NativeError in its own words, in one line that begins with the op:", () => {
  const ids = (...values: number[]) => tensor(values, { dtype: "int64" });
  test.each<[op: string, words: RegExp, body: () => unknown]>([
    ["add", /must match the size/, () => zeros([2]).add(zeros([3]))],
    ["matmul", /cannot be multiplied|size mismatch/, () => zeros([2, 3]).matmul(zeros([2, 3]))],
    ["linear", /cannot be multiplied/, () => linear(zeros([2, 3]), zeros([4, 5]), null)],
    ["view", /invalid for input of size 6/, () => zeros([2, 3]).view([4])],
    ["select", /out of range/, () => zeros([2]).select(0, 2)],
    ["narrow", /exceeds dimension size/, () => zeros([2]).narrow(0, 1, 2)],
    ["embedding", /index out of range/, () => embedding(zeros([4, 2]), ids(4))],
    ["nllLoss", /out of bounds/, () => nllLoss(zeros([1, 3]), ids(3))],
    ["item", /2 elements cannot be converted/, () => zeros([2]).item()],
    ["full", /negative dimension/, () => zeros([-1])],
    // Without CUDA, with it but no driver, with fewer GPUs than that.
    ["full", /CUDA|NVIDIA/, () => zeros([1], { device: "cuda:99" })],
    ["full", /device type at start of device string: potato/, () => zeros([1], { device: "potato" })],
    ["addScalar_", /requires grad is being used in an in-place operation/, () => zeros([1]).requiresGrad_().add_(1)],
    ["backward", /does not require grad/, () => zeros([1]).backward()],
    ["backward", /scalar outputs/, () => zeros([2]).requiresGrad_().mul(2).backward()],
    ["setRequiresGrad", /floating point/, () => ids(1).requiresGrad_()],
  ])("%s: %s", (op, words, body) => {
    const error = thrownBy(body);
    expect(error).toBeInstanceOf(NativeError);
    expect(error.name).toBe("NativeError");
    expect(error.message.startsWith(`${op}: `)).toBe(true);
    expect(error.message).toMatch(words);
    expect(error.message).not.toMatch(/\n|frame #|Exception raised from/);
  });
});

describe("what the addon itself refuses says what it expected:", () => {
  test("bytes that do not fill the shape", () => {
    expect(() => native.fromBytes(new Uint8Array(4), [4], "float32", "cpu")).toThrow(
      new NativeError("fromBytes: shape [4] of Float needs 16 bytes, got 4"),
    );
  });

  test("a buffer too small to read into", () => {
    expect(() => native.toBytes(zeros([2]).handle, new Uint8Array(7))).toThrow(
      /^toBytes: holds 8 bytes, the buffer 7$/,
    );
  });

  test("an alias past the end of its buffer, or of what is not flat", () => {
    expect(() => zeros([4]).alias(2, [3])).toThrow(/^alias: offset 2 with shape \[3\] reaches past a buffer of 4$/);
    expect(() => zeros([4]).alias(-1, [2])).toThrow(/^alias: offset -1/);
    expect(() => zeros([2, 2]).alias(0, [2])).toThrow(/^alias: needs a flat contiguous buffer, got shape \[2, 2\]$/);
  });

  test("a gradient that does not fit its tensor", () => {
    const x = zeros([2, 3]);
    expect(() => {
      x.grad = zeros([3]);
    }).toThrow(/^setGrad: a gradient of shape \[3\]/);
    expect(() => {
      x.grad = zeros([2, 3], { dtype: "bfloat16" });
    }).toThrow(/^setGrad: .*BFloat16 for a tensor of shape \[2, 3\] and Float$/);
  });
});

describe("values of the wrong JavaScript type are refused, never read as something else:", () => {
  // TypeScript forbids these; a caller in JavaScript does not.
  type Untyped = Record<keyof Bindings, (...given: unknown[]) => unknown>;
  const untyped = native as unknown as Untyped;
  test.each<[string, RegExp, () => unknown]>([
    ["too few arguments", /^add: expected 2 arguments, got 1$/, () => untyped.add(zeros([1]).handle)],
    ["a string for a tensor", /^neg: expected a tensor$/, () => untyped.neg("x")],
    ["undefined for a tensor", /^neg: expected a tensor$/, () => untyped.neg(undefined)],
    ["a number for a list", /^view: expected an array$/, () => untyped.view(zeros([1]).handle, 1)],
    ["a fraction for a size", /^view: expected a whole number$/, () => untyped.view(zeros([1]).handle, [0.5])],
    ["NaN for a dimension", /^softmax: expected a whole number$/, () => untyped.softmax(zeros([1]).handle, Number.NaN)],
    ["a number for a flag", /^setGradMode: expected boolean$/, () => untyped.setGradMode(1)],
    ["an unknown dtype", /^toDType: unknown dtype float7$/, () => untyped.toDType(zeros([1]).handle, "float7")],
    [
      "another typed array for bytes",
      /^fromBytes: expected Uint8Array$/,
      () => untyped.fromBytes(new Float32Array(1), [1], "float32", "cpu"),
    ],
  ])("%s", (_what, message, body) => {
    const error = thrownBy(body);
    expect(error).toBeInstanceOf(NativeError);
    expect(error.message).toMatch(message);
  });

  test.each([Number.NaN, 0, -1, 0.5, 1e300, Number.POSITIVE_INFINITY])(
    "%d for a tensor is no tensor's number",
    (handle) => {
      expect(() => native.neg(handle)).toThrow(LifetimeError);
    },
  );
});

describe("shapes are checked where they are named:", () => {
  test("dims of another rank", () => {
    expect(() => zeros([2, 3]).dims(3)).toThrow(new ShapeError("expected 3 dimensions, got shape [2,3]"));
  });

  test("roots without as many gradients", () => {
    const root = zeros([1]).requiresGrad_().mul(2);
    expect(() => backward([root], [])).toThrow(new ShapeError("backward: 1 roots need as many gradients, got 0"));
  });

  test("ragged nested arrays", () => {
    expect(() => tensor([[1, 2], [3]])).toThrow(ShapeError);
    expect(() => tensor([[1], [2, 3], []])).toThrow(ShapeError); // As many as [3, 1] has.
    expect(() =>
      tensor([
        [1, 2],
        [3, [4]],
      ]),
    ).toThrow(ShapeError);
  });
});
