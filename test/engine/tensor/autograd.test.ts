import { describe, expect, test } from "vitest";
import { autocast, backward, noGrad } from "../../../src/engine/tensor/autograd.js";
import { ones, tensor, zeros } from "../../../src/engine/tensor/create.js";
import { layerNorm, linear } from "../../../src/engine/tensor/ops.js";
import { liveTensors } from "../../../src/engine/tensor/scope.js";
import { runTestsInScope } from "./in-scope.js";

runTestsInScope();

describe("backward", () => {
  test("adds to the gradients that are there", () => {
    const x = tensor([1, 2]).requiresGrad_();
    x.mul(x).sum().backward();
    x.mul(3).sum().backward();
    expect(x.grad?.toFloat32Array()).toEqual(Float32Array.of(2 + 3, 4 + 3));
  });

  test("starts from a given gradient", () => {
    const x = tensor([1, 2]).requiresGrad_();
    x.mul(x).backward(tensor([10, 100]));
    expect(x.grad?.toFloat32Array()).toEqual(Float32Array.of(20, 400));
  });

  test("goes through a shared part once for several roots", () => {
    const x = tensor([1, 2]).requiresGrad_();
    const shared = x.mul(2);
    backward([shared.mul(3), shared.sum()], [tensor([1, 0]), tensor(10)]);
    expect(x.grad?.toFloat32Array()).toEqual(Float32Array.of(6 + 20, 20));
  });

  test("makes no tensor of its own in JavaScript's table", () => {
    const x = tensor([1, 2]).requiresGrad_();
    const loss = x.sum();
    const before = liveTensors();
    loss.backward();
    expect(liveTensors()).toBe(before);
  });

  test("refuses a value changed in place since it was used", () => {
    const x = tensor([1, 2]).requiresGrad_();
    const y = x.exp();
    const loss = y.mul(y).sum();
    y.mul_(2);
    expect(() => loss.backward()).toThrow(/modified by an inplace operation/);
  });
});

describe("a leaf aliased into a flat buffer", () => {
  test("shares memory both ways, at its offset", () => {
    const flat = zeros([10]);
    const part = flat.alias(2, [2, 3]);
    part.copy_(ones([2, 3]));
    flat.narrow(0, 7, 1).add_(5);
    expect(flat.toFloat32Array()).toEqual(Float32Array.of(0, 0, 1, 1, 1, 1, 1, 6, 0, 0));
    expect(part.toFloat32Array()).toEqual(Float32Array.of(1, 1, 1, 1, 1, 6));
  });

  test("is a leaf that may require a gradient, which a view may not", () => {
    const flat = zeros([4]);
    expect(flat.alias(0, [4]).requiresGrad_().requiresGrad).toBe(true);
    expect(flat.requiresGrad).toBe(false);
  });

  test("adds its gradient in place to the buffer it was given, step after step", () => {
    const values = tensor([1, 2, 3, 4]);
    const gradients = zeros([4]);
    const weights = values.alias(0, [3]).requiresGrad_();
    const bias = values.alias(3, []).requiresGrad_();
    weights.grad = gradients.alias(0, [3]);
    bias.grad = gradients.alias(3, []);
    for (const scale of [1, 10]) weights.mul(weights).sum().add(bias).mul(scale).backward();
    expect(gradients.toFloat32Array()).toEqual(Float32Array.of(22, 44, 66, 11));
    gradients.zero_();
    weights.sum().backward();
    expect(gradients.toFloat32Array()).toEqual(Float32Array.of(1, 1, 1, 0));
  });

  test("sees updates of the flat buffer that autograd does not watch", () => {
    const values = tensor([1, 2]);
    const weight = values.alias(0, [2]).requiresGrad_();
    noGrad(() => values.mul_(10)); // As an optimizer does, on the whole buffer.
    const loss = weight.mul(weight).sum();
    expect(loss.item()).toBe(500);
    loss.backward();
    expect(weight.grad?.toFloat32Array()).toEqual(Float32Array.of(20, 40));
  });

  test("keeps its memory when the flat buffer's own tensor is freed", () => {
    const flat = tensor([1, 2]);
    const part = flat.alias(1, [1]);
    flat.dispose();
    expect(part.item()).toBe(2);
  });
});

describe("gradients are not recorded", () => {
  test("in noGrad, and are again after it, also when it throws", () => {
    const x = tensor([1]).requiresGrad_();
    expect(noGrad(() => x.mul(2)).requiresGrad).toBe(false);
    expect(() =>
      noGrad(() => {
        throw new RangeError("on purpose");
      }),
    ).toThrow(RangeError);
    expect(x.mul(2).requiresGrad).toBe(true);
  });

  test("after an inner noGrad of an outer one", () => {
    const x = tensor([1]).requiresGrad_();
    noGrad(() => {
      noGrad(() => x.mul(2));
      expect(x.mul(2).requiresGrad).toBe(false);
    });
  });

  test("past a detach", () => {
    const x = tensor([3]).requiresGrad_();
    x.mul(x.detach()).sum().backward();
    expect(x.grad?.item()).toBe(3);
  });

  test("for tensors that do not ask for them", () => {
    expect(tensor([1]).requiresGrad).toBe(false);
    expect(tensor([1]).grad).toBeNull();
    expect(tensor([1]).requiresGrad_().requiresGrad_(false).mul(2).requiresGrad).toBe(false);
  });
});

test("a gradient set to null is gone", () => {
  const x = tensor([1]).requiresGrad_();
  x.mul(2).backward();
  x.grad = null;
  expect(x.grad).toBeNull();
});

describe("autocast", () => {
  const product = () => ones([2, 4]).matmul(ones([4, 2])).dtype;

  test("multiplies matrices in its dtype, and only in its block", () => {
    expect(autocast("bfloat16", "cpu", product)).toBe("bfloat16");
    expect(product()).toBe("float32");
  });

  test("gives f32 gradients to f32 weights", () => {
    const weight = ones([2, 4]).requiresGrad_();
    const y = autocast("bfloat16", "cpu", () => linear(ones([3, 4]), weight, null));
    expect(y.dtype).toBe("bfloat16");
    backward([y], [ones([3, 2], { dtype: "bfloat16" })]);
    expect(weight.grad?.dtype).toBe("float32");
    expect(weight.grad?.toFloat32Array()).toEqual(new Float32Array(8).fill(3));
  });

  test("normalises f32 in f32", () => {
    const y = autocast("bfloat16", "cpu", () => layerNorm(ones([2, 4]), ones([4]), zeros([4]), 1e-5));
    expect(y.dtype).toBe("float32");
  });

  test("float32 leaves everything as it is", () => {
    expect(autocast("float32", "cpu", product)).toBe("float32");
  });

  test("nests: the inner block's end is not the outer's", () => {
    const dtypes = autocast("bfloat16", "cpu", () => {
      const inner = autocast("bfloat16", "cpu", product);
      return [inner, product()];
    });
    expect(dtypes).toEqual(["bfloat16", "bfloat16"]);
    expect(product()).toBe("float32");
  });

  test("ends when its block throws", () => {
    expect(() => autocast("bfloat16", "cpu", () => zeros([2]).matmul(zeros([3])))).toThrow("matmul");
    expect(product()).toBe("float32");
  });

  test("sees a weight as it is now, not as it was in an earlier block", () => {
    const weight = ones([1, 1]).requiresGrad_();
    const forward = () => autocast("bfloat16", "cpu", () => linear(ones([1, 1]), weight, null)).item();
    expect(forward()).toBe(1);
    noGrad(() => weight.mul_(2));
    expect(forward()).toBe(2);
  });

  test("records gradients for a weight used before without them in the same block", () => {
    const weight = ones([1, 1]).requiresGrad_();
    const y = autocast("bfloat16", "cpu", () => {
      noGrad(() => linear(ones([1, 1]), weight, null));
      return linear(ones([1, 1]), weight, null);
    });
    expect(y.requiresGrad).toBe(true);
  });
});
