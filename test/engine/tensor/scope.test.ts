import { describe, expect, test } from "vitest";
import { autocast, noGrad } from "../../../src/engine/tensor/autograd.js";
import { tensor, zeros } from "../../../src/engine/tensor/create.js";
import { keep, liveTensors, releaseMemory, TensorScope, tidy } from "../../../src/engine/tensor/scope.js";
import type { Tensor } from "../../../src/engine/tensor/tensor.js";
import { LifetimeError } from "../../../src/errors.js";
import { runTestsInScope } from "./in-scope.js";

runTestsInScope();

/** How many tensors `body` leaves alive. */
function growth(body: () => void): number {
  const before = liveTensors();
  body();
  return liveTensors() - before;
}

describe("a scope", () => {
  test("counts exactly what is made in it and frees it at its end", () => {
    const left = growth(() => {
      using _scope = new TensorScope();
      const made = growth(() => {
        const x = tensor([[1, 2]]); // Made in f64 and converted; the one in f64 is gone again.
        x.add(1).unbind(1); // One sum, two columns.
      });
      expect(made).toBe(4);
    });
    expect(left).toBe(0);
  });

  test("owns only what is made while it is the innermost", () => {
    using _outer = new TensorScope();
    const x = tensor([1]);
    const left = growth(() => {
      using _inner = new TensorScope();
      x.add(x);
    });
    expect(left).toBe(0);
    expect(x.item()).toBe(1);
  });

  test("frees when its block throws, and so does every scope around it", () => {
    const left = growth(() => {
      expect(() => {
        using _outer = new TensorScope();
        zeros([2]);
        using _inner = new TensorScope();
        zeros([2]).matmul(zeros([3]));
      }).toThrow("matmul");
    });
    expect(left).toBe(0);
  });

  test("leaves nothing behind of an op that fails", () => {
    const x = zeros([2]);
    const y = zeros([3]);
    expect(growth(() => expect(() => x.add(y)).toThrow())).toBe(0);
  });

  test("may not end before a scope opened in it, and may after", () => {
    const outer = new TensorScope();
    const inner = new TensorScope();
    const x = zeros([1]);
    expect(() => outer[Symbol.dispose]()).toThrow(LifetimeError);
    expect(x.item()).toBe(0);
    inner[Symbol.dispose]();
    outer[Symbol.dispose]();
    expect(() => x.item()).toThrow(LifetimeError);
  });

  test("ends once: again does nothing, also while another is open", () => {
    const scope = new TensorScope();
    scope[Symbol.dispose]();
    using _other = new TensorScope();
    const x = zeros([1]);
    scope[Symbol.dispose]();
    expect(x.item()).toBe(0);
  });
});

describe("tidy", () => {
  test("keeps the returned tensor and frees the rest", () => {
    const x = tensor([1, 2]);
    let result: Tensor | undefined;
    const left = growth(() => {
      result = tidy(() => x.mul(2).add(1).neg());
    });
    expect(left).toBe(1);
    expect(result?.toFloat32Array()).toEqual(Float32Array.of(-3, -5));
  });

  test("gives what it keeps to the scope outside", () => {
    const left = growth(() => {
      using _scope = new TensorScope();
      tidy(() => tidy(() => zeros([1])));
    });
    expect(left).toBe(0);
  });

  test("keeps tensors in arrays and plain objects, at any depth and named twice", () => {
    const left = growth(() => {
      const { sums, last } = tidy(() => {
        const x = tensor([1, 2]);
        const sums = [x.sum(), { inner: x.add(1) }] as const;
        return { sums, last: sums[0], loss: 0.5, names: ["a"], nothing: null };
      });
      expect(sums[0].item()).toBe(3);
      expect(sums[1].inner.shape).toEqual([2]);
      expect(last).toBe(sums[0]);
    });
    expect(left).toBe(2);
  });

  test("returns what is not a tensor as it is", () => {
    const values = new Float32Array(3);
    expect(tidy(() => values)).toBe(values);
    expect(tidy(() => undefined)).toBeUndefined();
  });

  test("leaves a returned tensor that was made outside to its owner", () => {
    const x = zeros([1]);
    expect(growth(() => expect(tidy(() => x)).toBe(x))).toBe(0);
  });

  test("without a scope outside, hands what it keeps to the caller", () => {
    // This test's own scope is open: a tensor kept out of it stands for one made outside any scope.
    const left = growth(() => {
      const x = keep(tidy(() => zeros([1])));
      expect(x.item()).toBe(0);
      x.dispose();
    });
    expect(left).toBe(0);
  });

  test("frees everything when its function throws", () => {
    const left = growth(() => {
      expect(() =>
        tidy(() => {
          zeros([1]).add(1);
          throw new RangeError("on purpose");
        }),
      ).toThrow(RangeError);
    });
    expect(left).toBe(0);
  });

  test("refuses a promise, and frees what was made before the first await", () => {
    const left = growth(() => expect(() => tidy(async () => zeros([1]))).toThrow(LifetimeError));
    expect(left).toBe(0);
  });
});

test("noGrad and autocast refuse a promise, which would go on with the mode of others", () => {
  for (const body of [() => noGrad(async () => {}), () => autocast("bfloat16", "cpu", async () => {})]) {
    expect(body).toThrow(/^(noGrad|autocast): the function returned a promise/);
  }
});

describe("keep and dispose", () => {
  test("a kept tensor outlives its scopes, until it is disposed", () => {
    const left = growth(() => {
      let kept: Tensor;
      {
        using _outer = new TensorScope();
        const x = tensor([7]);
        using _inner = new TensorScope();
        kept = keep(x);
      }
      expect(kept.item()).toBe(7);
      kept.dispose();
    });
    expect(left).toBe(0);
  });

  test("a disposed tensor leaves its scope", () => {
    const left = growth(() => {
      using _scope = new TensorScope();
      zeros([1]).dispose();
    });
    expect(left).toBe(0);
  });

  test("a tensor in a `using` declaration is freed at the end of the block", () => {
    const left = growth(() => {
      using x = zeros([1]);
      expect(x.item()).toBe(0);
    });
    expect(left).toBe(0);
  });

  test("memory lives as long as a view of it", () => {
    const x = tensor([1, 2, 3]);
    const view = x.narrow(0, 1, 2);
    x.dispose();
    expect(view.toFloat32Array()).toEqual(Float32Array.of(2, 3));
  });
});

describe("a freed tensor is refused with LifetimeError:", () => {
  test("used at once", () => {
    const x = zeros([1]);
    x.dispose();
    expect(() => x.add(1)).toThrow(LifetimeError);
    expect(() => x.add(1)).toThrow(/^addScalar: the tensor was freed/);
  });

  test("used as another op's argument, or in a list", () => {
    const x = zeros([1]);
    const gone = zeros([1]);
    gone.dispose();
    expect(() => x.add(gone)).toThrow(LifetimeError);
    expect(() => x.view([1]).copy_(gone)).toThrow(LifetimeError);
  });

  test("also when its slot holds another tensor", () => {
    const gone = tensor([1]);
    gone.dispose();
    const others = [tensor([2]), tensor([3])]; // The slot freed last is used first.
    expect(() => gone.item()).toThrow(LifetimeError);
    expect(() => gone.dispose()).toThrow(LifetimeError);
    expect(others.map((each) => each.item())).toEqual([2, 3]);
  });

  test("disposed twice", () => {
    const x = zeros([1]);
    x.dispose();
    expect(() => x.dispose()).toThrow(LifetimeError);
  });

  test("used after a tidy that did not return it", () => {
    let escaped: Tensor | undefined;
    tidy(() => {
      escaped = zeros([1]);
    });
    expect(() => escaped?.toBytes()).toThrow(LifetimeError);
  });
});

test("memory of freed tensors is kept, and given back when asked for", () => {
  const MiB = 2 ** 20;
  zeros([64 * MiB]).dispose(); // 256 MiB of f32
  const kept = process.memoryUsage().rss;
  releaseMemory();
  expect(kept - process.memoryUsage().rss).toBeGreaterThan(200 * MiB);
});
