import { describe, expect, test } from "vitest";
import { autocast, backward, noGrad } from "../../../../src/engine/tensor/autograd.js";
import { ones, tensor, zeros } from "../../../../src/engine/tensor/create.js";
import { kernels, setThreads } from "../../../../src/engine/tensor/device.js";
import {
  addLinearWeightGradient_,
  cat,
  dropout,
  linear,
  linearInputGradient,
  residualNorm,
  selfAttention,
} from "../../../../src/engine/tensor/ops.js";
import { manualSeed } from "../../../../src/engine/tensor/random.js";
import type { Tensor } from "../../../../src/engine/tensor/tensor.js";
import { ConfigError } from "../../../../src/errors.js";
import type { Kernels } from "../../../../src/processor.js";
import { needs } from "../../../needs.js";
import { keptFactors, keysOf, noiseOf } from "../dropout-reference.js";
import { runTestsInScope } from "../in-scope.js";

// What is done by kernels of our own where the processor has the instructions, and by libtorch's ops elsewhere: both must agree
// with plain products of libtorch's in f32, within the rounding of the products' dtype.

/** Values that bf16 holds exactly, so that all that differs is how results are rounded. */
function drawn(shape: number[], seed: number): Tensor {
  manualSeed(seed);
  return zeros(shape).uniform_(-1, 1).to("bfloat16").to("float32");
}

const inBf16 = <T>(body: () => T): T => autocast("bfloat16", "cpu", body);
const inF32 = <T>(body: () => T): T => body();

/** Largest difference, in parts of the expected values' root mean square. */
function distance(got: Tensor, expected: Tensor): number {
  expect(got.shape).toEqual(expected.shape);
  const [a, b] = [got, expected].map((x) => x.to("float32").toFloat32Array()) as [Float32Array, Float32Array];
  const scale = Math.sqrt(b.reduce((sum, x) => sum + x * x, 0) / b.length);
  return (
    a.reduce((largest, x, i) => Math.max(largest, Number.isNaN(x) ? Infinity : Math.abs(x - (b[i] ?? NaN))), 0) / scale
  );
}

/** y = x Wᵀ + b by libtorch's own product. */
const plainLinear = (x: Tensor, weight: Tensor, bias: Tensor) => x.matmul(weight.transpose(0, 1)).add(bias);

/** softmax(Q Kᵀ / √d + mask) V by libtorch's own ops. */
function plainAttention(qkv: Tensor, heads: number, mask: Tensor | null): Tensor {
  const [B, S, width] = qkv.dims(3);
  const d = width / 3 / heads;
  const [q, k, v] = qkv.view([B, S, 3, heads, d]).permute([2, 0, 3, 1, 4]).unbind() as [Tensor, Tensor, Tensor];
  const scores = q.matmul(k.transpose(-2, -1)).mul(1 / Math.sqrt(d));
  const weights = (mask === null ? scores : scores.add(mask)).softmax();
  return weights
    .matmul(v)
    .transpose(1, 2)
    .reshape([B, S, heads * d]);
}

const roundings = 2 ** -6; // Two of bf16's 8 bits, at the largest of many values.
// Where attention is composed of libtorch's ops its scores are rounded too, and gradients are of differences between them.
const attentionRoundings = 8 * roundings;
const f32Roundings = 2e-5; // Of sums of thousands.

/** Says that this process runs the kernels of one level, before the engine is opened. @returns whether the machine has it */
function lowerTo(level: Kernels): boolean {
  process.env.LIMBECK_KERNELS = level;
  try {
    expect(kernels()).toBe(level);
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.message).toMatch(/^LIMBECK_KERNELS: expected at most \S+, which this machine has, got /);
    return false;
  }
}

/** Every test of kernels, at one level: a file of its own each, as a process has one. */
export function testKernels(level: Kernels): void {
  const isHere = lowerTo(level);
  describe(`with ${level} kernels`, needs(isHere ? null : `this processor has no ${level}`), () => {
    runTestsInScope();

    describe("linear", () => {
      // Tiles are 64 × 64 and 768 deep, tokens come in blocks of 1,024 and multiples of 32: whole ones, parts, and one more.
      const shapes = [
        [1, 2, 2],
        [5, 18, 6],
        [64, 64, 64],
        [65, 770, 130],
        [300, 96, 58],
        [1031, 128, 200],
        [2050, 34, 66],
        [70, 33, 7],
      ] as const;

      test.each(shapes)("of %i rows from %i to %i columns, and its gradients", (M, K, N) => {
        const [x, weight, bias, given] = [drawn([M, K], 1), drawn([N, K], 2), drawn([N], 3), drawn([M, N], 4)];
        const run = (map: (x: Tensor, weight: Tensor, bias: Tensor) => Tensor) => {
          const leaves = [x, weight, bias].map((leaf) => leaf.clone().requiresGrad_()) as [Tensor, Tensor, Tensor];
          const out = map(...leaves);
          backward([out], [given.to(out.dtype)]);
          return [out, ...leaves.map(({ grad }) => grad as Tensor)];
        };
        const expected = run(plainLinear);
        for (const [precision, bound, dtype] of [
          [inBf16, roundings, "bfloat16"],
          [inF32, f32Roundings, "float32"],
        ] as const) {
          const got = run((...leaves) => precision(() => linear(...leaves)));
          for (const [i, each] of got.entries()) expect(distance(each, expected[i] as Tensor)).toBeLessThan(bound);
          expect(got[0]?.dtype).toBe(dtype);
        }
      });

      test("takes f32 and bf16, more than two dimensions, and no bias", () => {
        const [x, weight] = [drawn([2, 3, 8], 1), drawn([4, 8], 2)];
        const expected = x.matmul(weight.transpose(0, 1));
        expect(distance(linear(x, weight, null), expected)).toBeLessThan(f32Roundings);
        for (const given of [x, x.to("bfloat16")]) {
          expect(
            distance(
              inBf16(() => linear(given, weight, null)),
              expected,
            ),
          ).toBeLessThan(roundings);
        }
      });

      test("takes a weight in bf16 that is not trained, and gives x its gradient", () => {
        const [x, weight, bias, given] = [
          drawn([70, 96], 1),
          drawn([130, 96], 2),
          drawn([130], 3),
          drawn([70, 130], 4),
        ];
        const run = (matrix: Tensor) => {
          const leaf = x.clone().requiresGrad_();
          const out = inBf16(() => linear(leaf, matrix, bias));
          backward([out], [given.to(out.dtype)]);
          return [out, leaf.grad as Tensor];
        };
        const [got, expected] = [run(weight.to("bfloat16")), run(weight)];
        for (const [i, each] of got.entries()) expect(distance(each, expected[i] as Tensor)).toBeLessThan(1e-6);
      });

      test.each([
        ["bf16", inBf16, roundings],
        ["f32", inF32, f32Roundings],
      ] as const)("adds to gradients that are there, in place, in %s", (_, precision, bound) => {
        const [x, weight, bias] = [drawn([70, 8], 1), drawn([4, 8], 2).requiresGrad_(), drawn([4], 3).requiresGrad_()];
        const buffer = ones([4, 8]);
        weight.grad = buffer;
        bias.grad = ones([4]);
        const out = precision(() => linear(x, weight, bias));
        backward([out], [ones([70, 4]).to(out.dtype)]);
        const sums = x.sum([0]).unsqueeze(0).expand([4, 8]);
        expect(distance(buffer, sums.add(1))).toBeLessThan(bound);
        expect(bias.grad?.toFloat32Array()).toEqual(new Float32Array(4).fill(71));
      });

      test.each([
        ["bf16", inBf16],
        ["f32", inF32],
      ] as const)("trains a bias whose weight is frozen, in %s", (_, precision) => {
        const [x, weight, bias] = [drawn([70, 8], 1), drawn([4, 8], 2), drawn([4], 3).requiresGrad_()];
        const out = precision(() => linear(x, weight, bias));
        backward([out], [ones([70, 4]).to(out.dtype)]);
        expect(bias.grad?.toFloat32Array()).toEqual(new Float32Array(4).fill(70));
        expect(weight.grad).toBeNull();
      });

      test("sees a weight that was written to, itself, through an alias or through the flat buffer", () => {
        const flat = drawn([32], 1);
        const weight = flat.alias(0, [4, 8]);
        const x = drawn([3, 8], 2);
        const write = [
          () => weight.mul_(2),
          () => flat.add_(1),
          () => flat.alias(8, [24]).add_(1),
          () =>
            flat
              .detach()
              .narrow(0, 0, 16)
              .copy_(ones([16])),
        ];
        for (const change of write) {
          inBf16(() => linear(x, weight, null)); // Packs it.
          noGrad(change);
          expect(
            distance(
              inBf16(() => linear(x, weight, null)),
              x.matmul(weight.transpose(0, 1)).add(1e-9),
            ),
          ).toBeLessThan(roundings);
        }
      });

      test("does not take one weight for another that lies where it lay", () => {
        const x = drawn([3, 64], 1);
        for (let i = 0; i < 20; i++) {
          const weight = drawn([64, 64], 100 + i);
          expect(
            distance(
              inBf16(() => linear(x, weight, null)),
              x.matmul(weight.transpose(0, 1)),
            ),
          ).toBeLessThan(roundings);
          weight.dispose();
        }
      });

      test("leaves alone what asks for no gradient", () => {
        const [x, weight, bias] = [drawn([3, 8], 1), drawn([4, 8], 2), drawn([4], 3)];
        const wanted = x.clone().requiresGrad_();
        backward([inBf16(() => linear(wanted, weight, bias))], [ones([3, 4]).to("bfloat16")]);
        expect([wanted.grad !== null, weight.grad, bias.grad]).toEqual([true, null, null]);
      });

      test.each([
        [0, 8],
        [3, 0],
      ])("of nothing: %i rows, %i columns", (M, K) => {
        expect(inBf16(() => linear(zeros([M, K]), zeros([4, K]), ones([4]))).shape).toEqual([M, 4]);
      });

      test.each([
        [512, 300, 96],
        [70, 1000, 66],
      ])("its backward pass by hand: %i rows, %i outputs, %i inputs", (M, N, K) => {
        const [gradient, weight, x, into] = [drawn([M, N], 1), drawn([N, K], 2), drawn([M, K], 3), drawn([N, K], 4)];
        const expected = into.add(gradient.transpose(0, 1).matmul(x));
        for (const [dtype, bound] of [
          ["bfloat16", roundings],
          ["float32", f32Roundings],
        ] as const) {
          const inputs = linearInputGradient(gradient.to(dtype), weight);
          expect(inputs.dtype).toBe("float32");
          expect(distance(inputs, gradient.matmul(weight))).toBeLessThan(bound);
          const sum = into.clone();
          addLinearWeightGradient_(sum, gradient.to(dtype), x.to(dtype));
          expect(distance(sum, expected)).toBeLessThan(bound);
        }
      });
    });

    test("a norm that is frozen keeps the gradient it has, and its bias's goes on", () => {
      const [rows, D] = [70, 8];
      const [weight, bias] = [drawn([D], 3), drawn([D], 4).requiresGrad_()];
      for (const leaf of [weight, bias]) leaf.grad = ones([D]);
      const out = residualNorm(drawn([rows, D], 1), drawn([rows, D], 2), { weight, bias, eps: 1e-12, dropout: null });
      backward([out], [ones([rows, D])]);
      expect(weight.grad?.toFloat32Array()).toEqual(new Float32Array(D).fill(1));
      expect(bias.grad?.toFloat32Array()).toEqual(new Float32Array(D).fill(1 + rows));
    });

    test("a weight that is written to before the backward pass which needs it is refused, a bias is not", () => {
      const x = drawn([70, 8], 1).requiresGrad_();
      const [weight, bias] = [drawn([4, 8], 2).requiresGrad_(), drawn([4], 3).requiresGrad_()];
      for (const leaf of [bias, weight]) {
        const out = linear(x, weight, bias);
        noGrad(() => leaf.mul_(2));
        const run = () => backward([out], [ones([70, 4])]);
        if (leaf === bias) run();
        else expect(run).toThrow(/modified by an inplace operation/);
      }
    });

    test("a gradient that was saved for a backward pass of its own is not added to behind it", () => {
      const [x, weight] = [drawn([70, 8], 1), drawn([4, 8], 2).requiresGrad_()];
      const gradient = ones([4, 8]);
      weight.grad = gradient;
      const other = drawn([4, 8], 3).requiresGrad_();
      const product = other.mul(gradient);
      backward([linear(x, weight, null)], [ones([70, 4])]);
      expect(() => product.sum().backward()).toThrow(/modified by an inplace operation/);
    });

    test("the backward pass by hand is recorded where a gradient is asked for", () => {
      for (const dtype of ["bfloat16", "float32"] as const) {
        const [gradient, weight] = [drawn([70, 130], 1).to(dtype), drawn([130, 96], 2)];
        const leaf = gradient.requiresGrad_();
        backward([linearInputGradient(leaf, weight)], [ones([70, 96])]);
        const sums = weight.sum([1]).unsqueeze(0).expand([70, 130]);
        expect(distance(leaf.grad as Tensor, sums)).toBeLessThan(dtype === "float32" ? f32Roundings : roundings);
      }
    });

    describe("selfAttention", () => {
      const shapes = [
        [1, 1, 1, 16],
        [2, 3, 5, 6],
        [2, 2, 33, 32],
        [3, 4, 64, 16],
        [1, 2, 130, 64],
        [2, 1, 513, 18],
        [1, 2, 70, 5],
      ] as const;

      test.each(shapes)("B = %i, %i heads, S = %i, d = %i, and its gradients, padded or not", (B, heads, S, d) => {
        const [qkv, given] = [drawn([B, S, 3 * heads * d], 1), drawn([B, S, heads * d], 2)];
        const padding = Float32Array.from({ length: B * S }, (_, i) => (i % S > S / 2 ? Number.NEGATIVE_INFINITY : 0));
        for (const mask of [null, tensor(padding, { shape: [B, 1, 1, S] })]) {
          const run = (attend: (qkv: Tensor) => Tensor) => {
            const leaf = qkv.clone().requiresGrad_();
            const out = attend(leaf);
            backward([out], [given.to(out.dtype)]);
            return [out, leaf.grad as Tensor];
          };
          const expected = run((leaf) => plainAttention(leaf, heads, mask));
          for (const [precision, bound] of [
            [inBf16, attentionRoundings],
            [inF32, f32Roundings],
          ] as const) {
            const got = run((leaf) => precision(() => selfAttention(leaf, { heads, mask, dropout: null })));
            for (const [i, each] of got.entries()) expect(distance(each, expected[i] as Tensor)).toBeLessThan(bound);
          }
        }
      });

      test.each([
        ["bf16", inBf16, attentionRoundings],
        ["f32", inF32, f32Roundings],
      ] as const)("drops in its backward pass what it dropped in its forward pass, in %s", (_, precision, bound) => {
        // With one-hot values an output is a row of the dropped weights: the whole can then be composed of plain ops.
        const [S, heads, p] = [48, 1, 0.25];
        const qk = drawn([1, S, 2 * S], 1);
        const identity = tensor(
          Float32Array.from({ length: S * S }, (_, i) => (i % (S + 1) === 0 ? 1 : 0)),
          { shape: [1, S, S] },
        );
        const noise = noiseOf(p, { seed: 9, B: 1 });
        const dropped = precision(() => selfAttention(cat([qk, identity], 2), { heads, mask: null, dropout: noise }));
        const [values, given] = [drawn([1, S, S], 2), drawn([1, S, S], 3)];

        const fast = cat([qk, values], 2).detach().requiresGrad_();
        const out = precision(() => selfAttention(fast, { heads, mask: null, dropout: noise }));
        backward([out], [given.to(out.dtype)]);

        const plain = cat([qk, values], 2).detach().requiresGrad_();
        const part = (i: number) => plain.narrow(2, i * S, S);
        const weights = part(0)
          .matmul(part(1).transpose(1, 2))
          .mul(1 / Math.sqrt(S))
          .softmax();
        const kept = tensor(
          dropped
            .to("float32")
            .toFloat32Array()
            .map((x) => (x === 0 ? 0 : 1 / (1 - p))),
          { shape: [1, S, S] },
        );
        const expected = weights.mul(kept).matmul(part(2));
        backward([expected], [given]);
        expect(distance(out, expected)).toBeLessThan(bound);
        expect(distance(fast.grad as Tensor, plain.grad as Tensor)).toBeLessThan(bound);
      });

      test("refuses what is no multiple of its heads", () => {
        expect(() => selfAttention(zeros([1, 2, 10]), { heads: 2, mask: null, dropout: null })).toThrow(
          /multiple of 2 heads/,
        );
      });
    });

    test("residualNorm drops in its backward pass what it dropped in its forward pass", () => {
      const [B, S, D, p] = [7, 10, 50, 0.3];
      const noise = noiseOf(p, { seed: 4, B, place: 2 });
      const norm = { weight: ones([D]), bias: zeros([D]), eps: 1e-12 };
      const [x, y, given] = [drawn([B, S, D], 1), drawn([B, S, D], 2), drawn([B, S, D], 3)];
      const kept = dropout(ones([B, S, D]), noise);
      const run = (sum: (x: Tensor, y: Tensor) => Tensor) => {
        const leaves = [x.clone().requiresGrad_(), y.clone().requiresGrad_()] as [Tensor, Tensor];
        backward([sum(...leaves)], [given]);
        return leaves.map(({ grad }) => grad as Tensor);
      };
      const got = run((x, y) => residualNorm(x, y, { ...norm, dropout: noise }));
      const expected = run((x, y) => residualNorm(x.add(y.mul(kept)), zeros([B, S, D]), { ...norm, dropout: null }));
      for (const [i, each] of got.entries()) expect(distance(each, expected[i] as Tensor)).toBeLessThan(1e-5);
    });

    describe("what is dropped", () => {
      const [B, S, D, p] = [3, 5, 70, 0.3];
      const rows = (count: number, head = 0) =>
        Array.from({ length: count }, (_, i) => (BigInt(head) << 32n) + BigInt(i));

      test("is a function of the sequence's key, the place, the position and the feature, to the bit", () => {
        for (const place of [0, 9]) {
          const got = dropout(ones([B, S, D]), noiseOf(p, { seed: 1, B, place })).toFloat32Array();
          expect(got).toEqual(keptFactors(p, keysOf(1, B), place, rows(S), D));
        }
        const row = dropout(ones([B, D]), noiseOf(p, { seed: 1, B })).toFloat32Array();
        expect(row).toEqual(keptFactors(p, keysOf(1, B), 0, rows(1), D));
      });

      test.each([
        ["bf16", inBf16],
        ["f32", inF32],
      ] as const)("of attention is a function of head, query and key too, in %s", (_, precision) => {
        // Equal scores and one-hot values: an output is a row of weights, each 0 or the same.
        const [heads, length] = [2, 48];
        const qk = zeros([B, length, 2 * heads * length]);
        const identity = Float32Array.from({ length: length * heads * length }, (_, i) =>
          Math.floor(i / (heads * length)) === i % length ? 1 : 0,
        );
        const values = cat(
          Array.from({ length: B }, () => tensor(identity, { shape: [1, length, heads * length] })),
          0,
        );
        const noise = noiseOf(p, { seed: 2, B, place: 4 });
        const out = precision(() => selfAttention(cat([qk, values], 2), { heads, mask: null, dropout: noise }));
        const got = out
          .to("float32")
          .view([B, length, heads, length])
          .transpose(1, 2)
          .contiguous()
          .toFloat32Array()
          .map((x) => (x === 0 ? 0 : Math.fround(1 / (1 - p))));
        const all = [0, 1].flatMap((head) => rows(length, head));
        expect(got).toEqual(keptFactors(p, keysOf(2, B), 4, all, length));
      });

      test("does not depend on the threads", () => {
        const draw = (threads: number) => {
          setThreads(threads);
          return dropout(ones([10, 10, 300]), noiseOf(0.1, { seed: 3, B: 10 })).toFloat32Array();
        };
        expect(draw(2)).toEqual(draw(1));
      });

      test("is nothing at 0 and everything at 1, with its gradient", () => {
        for (const [p, each] of [
          [0, 1],
          [1, 0],
        ] as const) {
          const x = ones([2, 3, 40]).requiresGrad_();
          const y = dropout(x, noiseOf(p, { seed: 1, B: 2 }));
          y.sum().backward();
          expect(new Set(y.toFloat32Array())).toEqual(new Set([each]));
          expect(new Set(x.grad?.toFloat32Array())).toEqual(new Set([each]));
        }
      });
    });

    test("attention to nothing is zeros, and gives no gradient", () => {
      const [B, S, heads, d] = [2, 40, 2, 16];
      const nothing = Number.NEGATIVE_INFINITY;
      const mask = tensor(
        Float32Array.from({ length: B * S }, (_, i) => (i < S ? nothing : 0)),
        { shape: [B, 1, 1, S] },
      );
      for (const precision of [inBf16, inF32]) {
        for (const dropout of [null, noiseOf(0.1, { seed: 1, B })]) {
          const qkv = drawn([B, S, 3 * heads * d], 1).requiresGrad_();
          const out = precision(() => selfAttention(qkv, { heads, mask, dropout }));
          backward([out], [ones([B, S, heads * d]).to(out.dtype)]);
          const [hidden, seen] = [0, 1].map((b) => out.select(0, b).to("float32").toFloat32Array());
          expect(new Set(hidden)).toEqual(new Set([0]));
          expect(seen?.some((x) => x !== 0)).toBe(true);
          const gradient = (qkv.grad as Tensor).select(0, 0).toFloat32Array();
          expect(gradient.every((x) => x === 0)).toBe(true);
        }
      }
    });
  });
}
