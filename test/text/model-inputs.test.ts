import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  cutIntoBatches,
  longestFirst,
  padded,
  pairSequence,
  rowsWithin,
  singleSequence,
} from "../../src/text/model-inputs.js";

const MARKS = { cls: 2, sep: 3 };

test("a text is framed, and so is a pair, whose second text begins behind the first [SEP]", () => {
  expect(singleSequence(Uint32Array.of(7, 8), MARKS)).toEqual({ ids: Int32Array.of(2, 7, 8, 3), secondAt: 4 });
  expect(singleSequence(Int32Array.of(), MARKS)).toEqual({ ids: Int32Array.of(2, 3), secondAt: 2 });
  const pair = pairSequence(Uint32Array.of(7, 8), Uint32Array.of(9), MARKS);
  expect(pair).toEqual({ ids: Int32Array.of(2, 7, 8, 3, 9, 3), secondAt: 4 });
});

describe("batches", () => {
  const cut = (lengths: readonly number[], rowsOf: (longest: number) => number) => {
    const lengthOf = (row: number) => lengths[row] ?? 0;
    return cutIntoBatches(longestFirst([...lengths.keys()], lengthOf), lengthOf, rowsOf);
  };

  test("hold every sequence once, the longest first, within the budget", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 })), fc.integer({ min: 1, max: 200 }), (lengths, budget) => {
        const batches = cut(lengths, (longest) => rowsWithin(budget, longest));
        const rows = batches.flat();
        expect(rows.toSorted((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
        const inOrder = rows.map((row) => lengths[row] ?? 0);
        expect(inOrder).toEqual(inOrder.toSorted((a, b) => b - a));
        for (const [i, batch] of batches.entries()) {
          const longest = lengths[batch[0] ?? 0] ?? 0;
          expect(batch.length === 1 || batch.length * longest <= budget).toBe(true);
          const isLast = i === batches.length - 1; // All others are full.
          expect(isLast || (batch.length + 1) * longest > budget).toBe(true);
        }
      }),
    );
  });

  test("keep the order of those of one length", () => {
    expect(cut([3, 5, 3, 5, 3], () => 2)).toEqual([[1, 3], [0, 2], [4]]);
  });

  test("of none are none", () => {
    expect(cut([], () => 2)).toEqual([]);
  });

  test("are padded to the longest, with marks at real tokens and types from the second text on", () => {
    const first = { ids: Int32Array.of(2, 70_000, 3, 8, 3), secondAt: 3 };
    const batch = padded([first, { ids: Int32Array.of(2, 9, 3), secondAt: 3 }], 4);
    expect([batch.B, batch.S, batch.tokenCount]).toEqual([2, 5, 8]);
    expect([...batch.inputIds]).toEqual([2, 70_000, 3, 8, 3, 2, 9, 3, 4, 4]);
    expect([...(batch.attentionMask ?? [])]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
    expect([...batch.tokenTypeIds]).toEqual([0, 0, 0, 1, 1, 0, 0, 0, 0, 0]);
    expect(padded([first, first], 4).attentionMask).toBeNull();
  });
});
