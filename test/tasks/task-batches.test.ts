import { describe, expect, test } from "vitest";
import { evaluationBatches, type Feature, type TaskBatch, TaskSteps } from "../../src/tasks/task-batches.js";

/** Feature i begins with token 100 + i and has 3 to 32 tokens; its label is i. */
const features: Feature[] = Array.from({ length: 230 }, (_, i) => {
  const length = 3 + ((i * 13) % 30);
  return {
    ids: Int32Array.from({ length }, (_, at) => (at === 0 ? 100 + i : 5)),
    secondAt: 2,
    targets: [i],
  };
});
const options = { seed: 1, stepSequences: 8, microBatchTokens: 64, padId: 0 };
const stepsOf = (changes: Partial<typeof options> = {}) => new TaskSteps(features, { ...options, ...changes });
const indicesOf = (batches: readonly TaskBatch[]) => batches.flatMap(({ indices }) => indices);

describe("the steps of an epoch", () => {
  const steps = stepsOf();
  const epoch = (first: number) => Array.from({ length: 29 }, (_, i) => steps.at(first + i));

  test("hold every sequence once, the last step what is left", () => {
    expect(steps.stepsPerEpoch).toBe(29); // 230 / 8
    for (const first of [0, 29, 58]) {
      const seen = epoch(first).flatMap(({ microBatches }) => indicesOf(microBatches));
      expect(seen.toSorted((a, b) => a - b)).toEqual(features.map((_, i) => i));
      expect(
        epoch(first)
          .map(({ sequenceCount }) => sequenceCount)
          .toSorted((a, b) => a - b),
      ).toEqual([6, ...new Array(28).fill(8)]);
    }
  });

  test("come in another order each epoch and for each seed, and the same when asked again", () => {
    const order = (of: TaskSteps, first: number) => indicesOf(of.at(first).microBatches);
    expect(order(steps, 0)).not.toEqual(order(steps, 29));
    expect(order(steps, 0)).not.toEqual(order(stepsOf({ seed: 2 }), 0));
    expect(order(stepsOf(), 40)).toEqual(order(steps, 40)); // Not a word of the steps before.
  });

  test("hold sequences of like length, so that little is padded", () => {
    const batches = epoch(0).flatMap(({ microBatches }) => microBatches);
    const positions = batches.reduce((sum, { B, S }) => sum + B * S, 0);
    const tokens = batches.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
    expect(tokens / positions).toBeGreaterThan(0.9); // In random order it would be about 0.6.
  });
});

describe("a micro-batch", () => {
  const { microBatches, tokenCount } = stepsOf().at(3);

  test("has at most so many positions, and the micro-batches of a step add up to it", () => {
    for (const { B, S } of microBatches) expect(B === 1 || B * S <= 64).toBe(true);
    expect(microBatches.length).toBeGreaterThan(1);
    expect(tokenCount).toBe(indicesOf(microBatches).reduce((sum, i) => sum + (features[i]?.ids.length ?? 0), 0));
  });

  test("holds its features padded, and what they should say", () => {
    for (const batch of microBatches) {
      for (const [b, index] of batch.indices.entries()) {
        const { ids } = features[index] as Feature;
        const row = (flat: ArrayLike<number>) => Array.from(flat).slice(b * batch.S, (b + 1) * batch.S);
        const padding = new Array(batch.S - ids.length).fill(0);
        expect(row(batch.inputIds)).toEqual([...ids, ...padding]);
        expect(row(batch.tokenTypeIds)).toEqual([0, 0, ...new Array(ids.length - 2).fill(1), ...padding]);
        expect(row(batch.attentionMask ?? new Uint8Array(batch.B * batch.S).fill(1))).toEqual([
          ...new Array(ids.length).fill(1),
          ...padding,
        ]);
        expect(batch.targets[0]?.[b]).toBe(index);
      }
    }
  });

  test("has no attention mask where nothing is padded", () => {
    const same = features.map((feature) => ({ ...feature, ids: feature.ids.slice(0, 3) }));
    const [batch] = evaluationBatches(same, options);
    expect(batch?.attentionMask).toBeNull();
  });
});

test("an evaluation sees every sequence once, the longest first", () => {
  const batches = evaluationBatches(features, options);
  expect(indicesOf(batches).toSorted((a, b) => a - b)).toEqual(features.map((_, i) => i));
  const lengths = batches.map(({ S }) => S);
  expect(lengths).toEqual(lengths.toSorted((a, b) => b - a));
});
