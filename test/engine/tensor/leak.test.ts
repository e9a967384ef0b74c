import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/tensor/autograd.js";
import { tensor, zeros } from "../../../src/engine/tensor/create.js";
import { embedding, gelu, layerNorm, linear, nllLoss } from "../../../src/engine/tensor/ops.js";
import { manualSeed } from "../../../src/engine/tensor/random.js";
import { liveTensors, TensorScope, tidy } from "../../../src/engine/tensor/scope.js";
import { runTestsInScope } from "./in-scope.js";

runTestsInScope();

const [V, D, B] = [64, 32, 256];

/** A small language model on flat buffers: embedding, norm, feed-forward, tied output. */
function makeModel() {
  const sizes = { embedding: V * D, up: 4 * D * D, down: 4 * D * D, scale: D, shift: D };
  const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
  const values = zeros([total]).normal_(0, 0.1);
  const gradients = zeros([total]);
  let offset = 0;
  const parameter = (shape: number[]) => {
    const leaf = values.alias(offset, shape).requiresGrad_();
    leaf.grad = gradients.alias(offset, shape);
    offset += leaf.numel;
    return leaf;
  };
  const weights = {
    embedding: parameter([V, D]),
    up: parameter([4 * D, D]),
    down: parameter([D, 4 * D]),
    scale: parameter([D]),
    shift: parameter([D]),
  };
  return { values, gradients, weights };
}

test("1,000 training steps leave the number of tensors as it was and memory flat", () => {
  manualSeed(1);
  const { values, gradients, weights } = makeModel();
  const step = (i: number): number => {
    using _scope = new TensorScope();
    const ids = Int32Array.from({ length: B }, (_, row) => (row * 31 + i) % V);
    const inputs = tensor(ids, { dtype: "int64" });
    const targets = tensor(
      ids.map((id) => (id * 5 + 1) % V),
      { dtype: "int64" },
    );
    const hidden = tidy(() => {
      const x = layerNorm(embedding(weights.embedding, inputs), weights.scale, weights.shift, 1e-5);
      return x.add(linear(gelu(linear(x, weights.up, null)), weights.down, null));
    });
    const loss = nllLoss(hidden.matmul(weights.embedding.transpose(0, 1)).logSoftmax(), targets).mul(1 / B);
    gradients.zero_();
    loss.backward();
    noGrad(() => values.add_(gradients, -0.1));
    return loss.item();
  };

  const losses: number[] = [];
  const residentBytes: number[] = [];
  const live: number[] = [];
  for (let i = 0; i < 1000; i++) {
    losses.push(step(i));
    live.push(liveTensors());
    if (i % 100 === 99) residentBytes.push(process.memoryUsage.rss());
  }

  expect(new Set(live).size).toBe(1);
  expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 10);
  // A step makes 1 MB of tensors: a tenth of that kept would be 80 MB. JavaScript's own heap moves by some 10 MB.
  const grownBytes = (residentBytes.at(-1) ?? 0) - (residentBytes[1] ?? 0);
  expect(grownBytes).toBeLessThan(40 * 2 ** 20);
});
