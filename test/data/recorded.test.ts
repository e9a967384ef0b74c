import { expect, test } from "vitest";
import { stepBatches } from "../../src/data/masked-batches.js";
import { createMasker, IGNORED } from "../../src/data/masking.js";
import { permutation } from "../../src/data/order.js";
import { Purpose, philox } from "../../src/data/philox.js";
import { TaskSteps } from "../../src/tasks/task-batches.js";

// What is drawn here was recorded once. Whoever changes it has runs that were begun before go on with other data: such a
// change is made on purpose, and written down.

const first = (count: number, of: (i: number) => number) => Array.from({ length: count }, (_, i) => of(i));

test("the order of an epoch", () => {
  expect(JSON.stringify(first(12, permutation(7, 0, 12)))).toMatchInlineSnapshot(`"[1,6,9,4,10,8,5,3,2,11,0,7]"`);
  expect(JSON.stringify(first(12, permutation(7, 1, 12)))).toMatchInlineSnapshot(`"[4,0,7,11,8,2,9,6,5,10,3,1]"`);
  expect(JSON.stringify(first(12, permutation(8, 0, 12)))).toMatchInlineSnapshot(`"[0,10,6,7,8,2,9,4,1,5,3,11]"`);
  expect(JSON.stringify(first(4, permutation(7, 3, 1_000_003)))).toMatchInlineSnapshot(
    `"[740530,823520,369995,807173]"`,
  );
  expect(JSON.stringify(first(4, permutation(0xffffffff, 2 ** 31, 2 ** 32)))).toMatchInlineSnapshot(
    `"[1226819533,1240805140,3569727644,2138845209]"`,
  );
});

test("words of every purpose", () => {
  const words = new Uint32Array(4);
  const draw = (purpose: number) => {
    philox(words, 5, purpose, [1, 2, 3, 4]);
    return words[0];
  };
  const { order, maskPositions, maskReplacements, positionShift } = Purpose;
  const drawn = [order, maskPositions, maskReplacements, positionShift].map(draw);
  expect(JSON.stringify(drawn)).toMatchInlineSnapshot(`"[120961106,3831599042,3743574590,161144740]"`);
});

const masker = createMasker({
  ...{ vocabSize: 100, maskId: 4, specialIds: new Set([0, 1, 2, 3, 4]), share: 0.3 },
  tokenCounts: first(100, (id) => 1 + id * id),
});
const sequence = Int32Array.from([2, ...first(20, (i) => 5 + ((i * 37) % 95)), 3]);

test("the masks of a sequence", () => {
  const masked = (place: { seed: number; epoch: number; index: number }) => {
    const { inputIds, labels } = masker.mask(sequence, place);
    return [...labels].flatMap((label, i) => (label === IGNORED ? [] : [[i, inputIds[i] as number]]));
  };
  expect(JSON.stringify(masked({ seed: 1, epoch: 0, index: 0 }))).toMatchInlineSnapshot(
    `"[[1,4],[4,21],[11,4],[13,4],[19,4],[20,4]]"`,
  );
  expect(JSON.stringify(masked({ seed: 1, epoch: 1, index: 5 }))).toMatchInlineSnapshot(
    `"[[1,5],[4,4],[9,4],[14,25],[16,54],[19,4]]"`,
  );
  expect(JSON.stringify(masked({ seed: 2, epoch: 0xffffffff, index: 2 ** 33 + 5 }))).toMatchInlineSnapshot(
    `"[[1,4],[2,42],[4,4],[14,4],[17,4],[18,92]]"`,
  );
});

test("the sequences of a step, and where they start", () => {
  const source = { length: 30, get: (i: number) => Int32Array.of(2, 10 + i, ...new Array(i % 5).fill(9), 3) };
  const { microBatches } = stepBatches({
    ...{ source, masker, padId: 0, seed: 3, step: 4, stepSequences: 8, microBatchTokens: 20, positionShift: 100 },
  });
  const rows = microBatches.flatMap(({ inputIds, labels, firstPositions, B, S }) =>
    first(B, (row) => row).map((row) => {
      const label = labels[row * S + 1] as number;
      return [(label === IGNORED ? (inputIds[row * S + 1] as number) : label) - 10, firstPositions?.[row] ?? 0];
    }),
  );
  expect(JSON.stringify(rows)).toMatchInlineSnapshot(`"[[3,0],[7,92],[22,0],[16,44],[10,0],[5,0],[25,19],[20,95]]"`);
});

test("the steps of a fine-tuning", () => {
  const features = first(23, (i) => i).map((i) => ({
    ...{ ids: new Int32Array(3 + (i % 4)), secondAt: 3 + (i % 4), targets: [i] },
  }));
  const steps = new TaskSteps(features, { seed: 9, stepSequences: 4, microBatchTokens: 12, padId: 0 });
  const at = (step: number) => steps.at(step).microBatches.map(({ indices }) => indices);
  for (const epoch of [0, 1, 2]) {
    const seen = first(steps.stepsPerEpoch, (i) => epoch * steps.stepsPerEpoch + i).flatMap((step) => at(step).flat());
    expect(seen.toSorted((a, b) => a - b)).toEqual(features.map((_, i) => i));
  }
  expect(JSON.stringify(first(3, (i) => i).map(at))).toMatchInlineSnapshot(
    `"[[[14,18],[22,1]],[[21,0,4],[8]],[[19,2],[6,10]]]"`,
  );
  expect(JSON.stringify(first(3, (i) => 6 + i).map(at))).toMatchInlineSnapshot(
    `"[[[3,7],[11,15]],[[19,2],[6,10]],[[5,9,13],[17]]]"`,
  );
  expect(JSON.stringify(first(3, (i) => 12 + i).map(at))).toMatchInlineSnapshot(
    `"[[[5,9,13],[17]],[[12,16,20]],[[21,0,4],[8]]]"`,
  );
});

test("the steps of a fine-tuning are sorted by length fifty at a time", () => {
  const features = first(110, (i) => 3 + ((i * 7) % 11)).map((length, i) => ({
    ...{ ids: new Int32Array(length), secondAt: length, targets: [i] },
  }));
  const steps = new TaskSteps(features, { seed: 9, stepSequences: 2, microBatchTokens: 1000, padId: 0 });
  const lengths = first(steps.stepsPerEpoch, (step) => steps.at(step).microBatches[0]?.S ?? 0);
  // Fifty steps of the longest hundred, and five of the ten that are left: a step's two sequences are neighbours.
  expect(steps.stepsPerEpoch).toBe(55);
  expect(JSON.stringify(lengths)).toMatchInlineSnapshot(
    `"[8,3,13,5,10,7,12,10,9,11,6,4,11,13,8,6,8,7,13,12,13,8,9,5,7,11,10,4,12,11,8,6,12,4,3,3,12,7,9,3,4,7,11,9,6,9,4,8,10,5,5,4,6,13,11]"`,
  );
  expect(JSON.stringify([0, 1, 2].map((step) => steps.at(step).microBatches[0]?.indices))).toMatchInlineSnapshot(
    `"[[106,10],[11,22],[47,58]]"`,
  );
  const next = [0, 1, 2].map((step) => steps.at(steps.stepsPerEpoch + step).microBatches[0]?.indices);
  expect(JSON.stringify(next)).toMatchInlineSnapshot(`"[[46,57],[98,109],[15,26]]"`);
});
