import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  heldOutBatches,
  type MaskedBatch,
  type StepOptions,
  stepBatches,
  stepsOf,
} from "../../src/data/masked-batches.js";
import { createMasker, IGNORED } from "../../src/data/masking.js";
import type { SequenceSource } from "../../src/data/sequences.js";

const PAD = 0;
const masker = createMasker({
  vocabSize: 5000,
  maskId: 4,
  specialIds: new Set([0, 1, 2, 3, 4]),
  tokenCounts: Array.from({ length: 5000 }, (_, id) => 1 + (id % 97)),
});

/** Sequence i begins with token 1000 + i, and has 5 to 44 tokens. */
const source: SequenceSource = {
  length: 50,
  get: (i) => Int32Array.from([2, ...Array.from({ length: 3 + ((i * 7) % 40) }, (_, at) => 1000 + i + 50 * at), 3]),
};
const fixed: SequenceSource = { length: 50, get: (i) => source.get(i).subarray(0, 5) };
const step: StepOptions = { source, masker, padId: PAD, seed: 1, step: 0, stepSequences: 20, microBatchSequences: 4 };

/** What is learned from a batch: each row without its padding, and its labels. */
function rows(batches: readonly MaskedBatch[]): string[] {
  return batches.flatMap(({ inputIds, labels, B, S }) =>
    Array.from({ length: B }, (_, b) => {
      const row = [...inputIds.subarray(b * S, (b + 1) * S)];
      const end = row.lastIndexOf(3) + 1;
      return `${row.slice(0, end)} | ${[...labels.subarray(b * S, b * S + end)]}`;
    }),
  );
}

/** Which sequences a batch holds, by the true first token. */
function indices(batches: readonly MaskedBatch[]): number[] {
  return batches.flatMap(({ inputIds, labels, B, S }) =>
    Array.from({ length: B }, (_, b) => {
      const label = labels[b * S + 1] ?? IGNORED;
      return (label === IGNORED ? (inputIds[b * S + 1] ?? 0) : label) - 1000;
    }),
  );
}

describe("a step", () => {
  test("holds the same masked sequences however it is cut into ranks and micro-batches", () => {
    const whole = stepBatches({ ...step, microBatchSequences: 20 });
    const expected = rows(whole.microBatches).sort();
    const cuts = fc.record({
      worldSize: fc.integer({ min: 1, max: 5 }),
      size: fc.oneof(
        fc.integer({ min: 1, max: 20 }).map((microBatchSequences) => ({ microBatchSequences })),
        fc.integer({ min: 1, max: 900 }).map((microBatchTokens) => ({ microBatchTokens })),
      ),
    });
    const { microBatchSequences: _, ...rest } = step as StepOptions & { microBatchSequences: number };
    fc.assert(
      fc.property(cuts, ({ worldSize, size }) => {
        const parts = Array.from({ length: worldSize }, (_, rank) =>
          stepBatches({ ...rest, ...size, rank, worldSize }),
        );
        expect(parts.flatMap(({ microBatches }) => rows(microBatches)).sort()).toEqual(expected);
        for (const { tokenCount, maskedCount } of parts) {
          expect([tokenCount, maskedCount]).toEqual([whole.tokenCount, whole.maskedCount]);
        }
      }),
    );
  });

  test("counts the real and the masked positions of all its batches", () => {
    const { microBatches, tokenCount, maskedCount } = stepBatches(step);
    const sum = (of: (batch: MaskedBatch) => number) => microBatches.reduce((total, batch) => total + of(batch), 0);
    expect(tokenCount).toBe(sum((batch) => batch.tokenCount));
    expect(maskedCount).toBe(sum((batch) => batch.maskedCount));
    expect(tokenCount).toBe(sum(({ inputIds }) => inputIds.filter((id) => id !== PAD).length));
    expect(maskedCount).toBe(sum(({ labels }) => labels.filter((label) => label !== IGNORED).length));
  });

  test("pads to the longest of a micro-batch, masks out the padding, and sorts by length", () => {
    const { microBatches } = stepBatches(step);
    for (const { inputIds, labels, attentionMask, B, S } of microBatches) {
      expect([inputIds.length, labels.length]).toEqual([B * S, B * S]);
      for (let i = 0; i < B * S; i++) {
        expect(attentionMask?.[i] ?? 1).toBe(inputIds[i] === PAD ? 0 : 1);
        if (inputIds[i] === PAD) expect(labels[i]).toBe(IGNORED);
      }
    }
    const lengths = microBatches.map(({ S }) => S);
    expect(lengths).toEqual(lengths.toSorted((a, b) => b - a));
  });

  test("has no attention mask where nothing is padded", () => {
    expect(stepBatches({ ...step, source: fixed }).microBatches.every((batch) => batch.attentionMask === null)).toBe(
      true,
    );
  });

  test("keeps a micro-batch within its tokens, and takes one sequence where even that is too long", () => {
    const { microBatchSequences: _, ...rest } = step as StepOptions & { microBatchSequences: number };
    for (const microBatchTokens of [10, 64, 200]) {
      for (const { B, S } of stepBatches({ ...rest, microBatchTokens }).microBatches) {
        expect(B === 1 || B * S <= microBatchTokens).toBe(true);
      }
    }
  });

  test("starts half of the sequences at a random position where it shifts, however it is cut", () => {
    const shifted = { ...step, stepSequences: 50, positionShift: 9 };
    const starts = (batches: readonly MaskedBatch[]) =>
      batches.flatMap(({ firstPositions }) => [...(firstPositions ?? [0])]);
    const whole = starts(stepBatches({ ...shifted, microBatchSequences: 50 }).microBatches);
    expect(starts(stepBatches({ ...shifted, microBatchSequences: 7 }).microBatches)).toEqual(whole);
    expect(whole.filter((start) => start === 0).length).toBeGreaterThan(15); // 27.5 expected, of 50.
    expect(whole.filter((start) => start === 0).length).toBeLessThan(40);
    expect([Math.min(...whole), Math.max(...whole)]).toEqual([0, 9]);
    expect(starts(stepBatches({ ...shifted, step: 1, microBatchSequences: 50 }).microBatches)).not.toEqual(whole);
    expect(stepBatches(step).microBatches.every(({ firstPositions }) => firstPositions === null)).toBe(true);
  });

  test("deals the ranks equal shares, of like lengths", () => {
    const tokens = [0, 1].map((rank) =>
      stepBatches({ ...step, rank, worldSize: 2 }).microBatches.reduce((sum, batch) => sum + batch.tokenCount, 0),
    );
    expect(Math.abs((tokens[0] ?? 0) - (tokens[1] ?? 0))).toBeLessThan(45);
  });
});

describe("the steps", () => {
  test("see every sequence once an epoch, also where an epoch ends within a step", () => {
    const seen = Array.from({ length: 5 }, (_, i) => indices(stepBatches({ ...step, step: i }).microBatches)).flat();
    const counts = new Uint32Array(50);
    for (const index of seen) counts[index] = (counts[index] ?? 0) + 1;
    expect([...counts]).toEqual(new Array(50).fill(2)); // 5 · 20 sequences are two epochs of 50.
  });

  test("have another order and other masks in every epoch, and the same when asked again", () => {
    const epoch = (first: number) => [0, 1].map((i) => stepBatches({ ...step, stepSequences: 25, step: first + i }));
    const [one, two] = [epoch(0), epoch(2)].map((steps) => steps.flatMap(({ microBatches }) => microBatches));
    expect(indices(one ?? []).toSorted()).toEqual(indices(two ?? []).toSorted());
    expect(indices(one ?? [])).not.toEqual(indices(two ?? []));
    const before = new Set(rows(one ?? []));
    const shared = rows(two ?? []).filter((row) => before.has(row)).length;
    expect(shared).toBeLessThan(15); // Short sequences can be masked alike by chance.
    expect(epoch(0).flatMap(({ microBatches }) => rows(microBatches))).toEqual(rows(one ?? []));
  });

  test("are as many as the epochs need", () => {
    expect([stepsOf(source, 20, 1), stepsOf(source, 20, 2), stepsOf(source, 50, 3)]).toEqual([3, 5, 3]);
  });
});

test("the held-out set is the first sequences, masked the same way every time", () => {
  const options = { source, masker, padId: PAD, seed: 7, sequences: 12, microBatchSequences: 5 };
  const first = heldOutBatches(options);
  expect(indices(first.microBatches).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i));
  expect(heldOutBatches({ ...options, microBatchSequences: 1 }).microBatches.flatMap((batch) => rows([batch]))).toEqual(
    rows(first.microBatches),
  );
  expect(heldOutBatches({ ...options, sequences: 1000 }).microBatches.reduce((sum, { B }) => sum + B, 0)).toBe(50);
});

test.each([
  [{ stepSequences: 0 }, /stepSequences must be a whole number above 0, got 0/],
  [{ microBatchSequences: 1.5 }, /microBatchSequences must be a whole number above 0, got 1.5/],
  [{ rank: 2, worldSize: 2 }, /rank must lie in 0 … 1, got 2/],
])("refuses %o", (options, message) => {
  expect(() => stepBatches({ ...step, ...options })).toThrow(message);
});
