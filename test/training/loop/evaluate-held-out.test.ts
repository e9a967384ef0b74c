import { afterAll, beforeEach, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/tensor/autograd.js";
import { tensor } from "../../../src/engine/tensor/create.js";
import { manualSeed } from "../../../src/engine/tensor/random.js";
import { liveTensors, tidy } from "../../../src/engine/tensor/scope.js";
import { MaskedLm } from "../../../src/models/masked-lm.js";
import { evaluateHeldOut } from "../../../src/training/loop/evaluate-held-out.js";
import { madeUpStep, smallBert } from "./made-up-steps.js";

const inF32 = { dtype: "float32", device: "cpu" } as const;
manualSeed(6);
const model = new MaskedLm({ ...smallBert, dropout: 0.5 }).materialise();
afterAll(() => model.dispose());

let before: number;
beforeEach(() => {
  before = liveTensors();
});

/** Makes the model say `id` everywhere, with the probability that a bias of `size` gives. */
function favour(id: number, size: number): void {
  const bias = new Float32Array(smallBert.vocabSize);
  bias[id] = size;
  noGrad(() => tidy(() => void model.head.bias.value.copy_(tensor(bias))));
}

test("a model that says the same everywhere has the share of that token, and its cross-entropy", async () => {
  const heldOut = madeUpStep({ lengths: "different", microBatchTokens: 100 });
  const labels = heldOut.microBatches.flatMap((batch) => [...batch.labels].filter((label) => label !== -100));
  const id = labels[0] as number;
  const share = labels.filter((label) => label === id).length / labels.length;
  favour(id, 1e4);
  const { accuracy, loss } = await evaluateHeldOut(model, heldOut, inF32);
  expect(accuracy).toBeCloseTo(share, 6);
  // Wherever another token is true, its logit is below by 10,000, give or take the model's own.
  expect(loss / (1e4 * (1 - share))).toBeCloseTo(1, 2);
  favour(0, 0);
  expect(liveTensors()).toBe(before);
});

test("the cut into micro-batches changes nothing, and there is no dropout", async () => {
  const results = [];
  for (const microBatchTokens of [24, 100, 1000]) {
    results.push(await evaluateHeldOut(model, madeUpStep({ lengths: "different", microBatchTokens }), inF32));
  }
  for (const { accuracy, loss } of results) {
    expect(accuracy).toBe(results[0]?.accuracy);
    expect(loss).toBeCloseTo(results[0]?.loss ?? Number.NaN, 5);
  }
  expect(liveTensors()).toBe(before);
});

test("it tells how far it is, up to all sequences", async () => {
  const heldOut = madeUpStep({ lengths: "different", microBatchTokens: 24 });
  const told: [number, number][] = [];
  await evaluateHeldOut(model, heldOut, { ...inF32, onProgress: (...progress) => void told.push(progress) });
  const total = heldOut.microBatches.reduce((sum, { B }) => sum + B, 0);
  expect(told).toHaveLength(heldOut.microBatches.length);
  expect(told.at(-1)).toEqual([total, total]);
});

test("in bf16 the loss is that of f32 within its rounding", async () => {
  const heldOut = madeUpStep({ lengths: "equal", microBatchTokens: 100 });
  const { loss } = await evaluateHeldOut(model, heldOut, inF32);
  const half = await evaluateHeldOut(model, heldOut, { ...inF32, dtype: "bfloat16" });
  expect(Math.abs(half.loss - loss)).toBeLessThan(0.05);
});

test("a micro-batch without masked positions adds nothing", async () => {
  const { microBatches, ...counts } = madeUpStep({ lengths: "equal", microBatchTokens: 100 });
  const [first] = microBatches as [(typeof microBatches)[0]];
  const unmasked = { ...first, labels: first.labels.map(() => -100), maskedCount: 0 };
  const alone = await evaluateHeldOut(model, { ...counts, microBatches }, inF32);
  expect(await evaluateHeldOut(model, { ...counts, microBatches: [unmasked, ...microBatches] }, inF32)).toEqual(alone);
});

test("an aborted signal ends it between micro-batches, with the signal's reason", async () => {
  const stop = new AbortController();
  const evaluation = evaluateHeldOut(model, madeUpStep({ lengths: "equal", microBatchTokens: 24 }), {
    ...inF32,
    signal: stop.signal,
  });
  stop.abort();
  await expect(evaluation).rejects.toBe(stop.signal.reason);
  expect(liveTensors()).toBe(before);
});
