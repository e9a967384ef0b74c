import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  cutIntoBatches,
  longestFirst,
  longestQuestion,
  padded,
  pairSequence,
  rowsWithin,
  sequenceOf,
  singleSequence,
  windows,
} from "../../src/text/model-inputs.js";

const MARKS = { cls: 2, sep: 3 };

test("a text is framed, and so is a pair, whose second text begins behind the first [SEP]", () => {
  expect(singleSequence(Uint32Array.of(7, 8), MARKS)).toEqual({ ids: Int32Array.of(2, 7, 8, 3), secondAt: 4 });
  expect(singleSequence(Int32Array.of(), MARKS)).toEqual({ ids: Int32Array.of(2, 3), secondAt: 2 });
  const pair = pairSequence(Uint32Array.of(7, 8), Uint32Array.of(9), MARKS);
  expect(pair).toEqual({ ids: Int32Array.of(2, 7, 8, 3, 9, 3), secondAt: 4 });
});

describe("a sequence of texts", () => {
  const ids = (length: number, from: number) => Uint32Array.from({ length }, (_, i) => from + i);
  const sequence = (first: number, second: number | null, maxTokens: number) => {
    const texts = { first: ids(first, 10), second: second === null ? null : ids(second, 50) };
    const { ids: all, secondAt, isCut } = sequenceOf(texts, MARKS, maxTokens);
    return [[...all], secondAt, isCut];
  };

  test("is whole up to the limit, and cut behind it", () => {
    expect(sequence(2, null, 4)).toEqual([[2, 10, 11, 3], 4, false]);
    expect(sequence(3, null, 4)).toEqual([[2, 10, 11, 3], 4, true]);
    expect(sequence(2, 1, 6)).toEqual([[2, 10, 11, 3, 50, 3], 4, false]);
    expect(sequence(1, 2, 6)).toEqual([[2, 10, 3, 50, 51, 3], 3, false]);
  });

  test("of a pair is cut where it is longer, while the shorter fits in half", () => {
    expect(sequence(5, 1, 7)).toEqual([[2, 10, 11, 12, 3, 50, 3], 5, true]);
    expect(sequence(1, 5, 7)).toEqual([[2, 10, 3, 50, 51, 52, 3], 3, true]);
    expect(sequence(5, 3, 7)).toEqual([[2, 10, 11, 3, 50, 51, 3], 4, true]);
  });

  test("gives the odd token to the longer text, of equal ones, or of two beyond the limit, to the second", () => {
    expect(sequence(5, 4, 8).slice(0, 2)).toEqual([[2, 10, 11, 12, 3, 50, 51, 3], 5]);
    expect(sequence(4, 5, 8).slice(0, 2)).toEqual([[2, 10, 11, 3, 50, 51, 52, 3], 4]);
    expect(sequence(5, 5, 8).slice(0, 2)).toEqual([[2, 10, 11, 3, 50, 51, 52, 3], 4]);
    expect(sequence(9, 8, 8).slice(0, 2)).toEqual([[2, 10, 11, 3, 50, 51, 52, 3], 4]);
    expect(sequence(8, 7, 8).slice(0, 2)).toEqual([[2, 10, 11, 12, 3, 50, 51, 3], 5]);
  });
});

describe("windows of a passage", () => {
  test("share so many tokens with their neighbours, and the last ends where the passage does", () => {
    expect(windows(10, { room: 4, stride: 1 })).toEqual([[0, 4], [3, 7], [6, 10]]); // biome-ignore format: a row
    expect(windows(11, { room: 4, stride: 1 })).toEqual([[0, 4], [3, 7], [6, 10], [9, 11]]); // biome-ignore format: a row
    expect(windows(8, { room: 4, stride: 0 })).toEqual([[0, 4], [4, 8]]); // biome-ignore format: a row
  });

  test("are one where it fits, and where there is nothing", () => {
    expect(windows(4, { room: 4, stride: 3 })).toEqual([[0, 4]]);
    expect(windows(0, { room: 4, stride: 3 })).toEqual([[0, 0]]);
  });

  test("leave a question what they do not need: three marks, what they share, and an eighth to move on", () => {
    expect(longestQuestion({ sequenceLength: 384, windowStride: 128 })).toBe(384 - 3 - 128 - 48);
    expect(longestQuestion({ sequenceLength: 20, windowStride: 4 })).toBe(20 - 3 - 4 - 3); // 2.5, rounded up
    expect(longestQuestion({ sequenceLength: 16, windowStride: 11 })).toBe(0);
  });
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
