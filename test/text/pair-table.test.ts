import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PairQueue } from "../../src/text/pair-queue.js";
import { PairTable } from "../../src/text/pair-table.js";

function wordsOf(table: PairTable, pair: number): number[] {
  const words: number[] = [];
  table.drainWords(pair, (word) => words.push(word));
  return words;
}

describe("the table of pairs", () => {
  test("numbers them as they first come, and knows them again", () => {
    const table = new PairTable();
    expect([table.find(3, 4), table.find(4, 3), table.find(3, 4), table.find(0, 0)]).toEqual([0, 1, 0, 2]);
    expect([table.size, table.left(1), table.right(1)]).toEqual([3, 4, 3]);
  });

  test("adds and takes from their counts", () => {
    const table = new PairTable();
    const pair = table.find(1, 2);
    expect(table.count(pair)).toBe(0);
    table.add(pair, 5);
    table.add(pair, -2);
    expect(table.count(pair)).toBe(3);
  });

  test("gives the words of a pair, the last first, once", () => {
    const table = new PairTable();
    const [a, b] = [table.find(1, 2), table.find(2, 3)];
    expect(table.hasWords(a)).toBe(false);
    for (const word of [7, 7, 8, 0]) table.addWord(a, word);
    table.addWord(b, 9);
    expect(table.hasWords(a)).toBe(true);
    expect(wordsOf(table, a)).toEqual([0, 8, 7]);
    expect(table.hasWords(a)).toBe(false);
    for (const word of [1, 2, 3, 4]) table.addWord(a, word); // Where the others were.
    expect([wordsOf(table, a), wordsOf(table, b)]).toEqual([[4, 3, 2, 1], [9]]);
  });

  test("holds more pairs and more words than there was room for at first", () => {
    const table = new PairTable();
    const [pairs, wordsEach] = [150_000, 9];
    const rightOf = (left: number) => (left * 7919) % 65_537;
    for (let left = 0; left < pairs; left++) {
      const pair = table.find(left, rightOf(left));
      table.add(pair, left / 2);
      for (let i = 0; i < wordsEach; i++) table.addWord(pair, left + i);
    }
    expect(table.size).toBe(pairs);
    let wrong = 0;
    for (let left = 0; left < pairs; left++) {
      const pair = table.find(left, rightOf(left));
      if (pair !== left || table.left(pair) !== left || table.right(pair) !== rightOf(left)) wrong++;
      if (table.count(pair) !== left / 2) wrong++;
      let next = left + wordsEach;
      table.drainWords(pair, (word) => {
        if (word !== --next) wrong++;
      });
      if (next !== left) wrong++;
    }
    expect([wrong, table.size]).toEqual([0, pairs]);
  });
});

test("the queue gives the most frequent pair first, of equals the one with the smaller symbols, as it was entered", () => {
  const pair = fc.tuple(fc.nat(5), fc.nat(5), fc.nat(4));
  fc.assert(
    fc.property(fc.uniqueArray(pair, { selector: ([left, right]) => `${left} ${right}`, maxLength: 36 }), (pairs) => {
      const table = new PairTable();
      const queue = new PairQueue(table);
      for (const [left, right, count] of pairs) {
        const number = table.find(left, right);
        table.add(number, count);
        queue.push(number);
        table.add(number, 100); // What it counts later on is another matter.
      }
      const expected = pairs.toSorted(([a, b, m], [c, d, n]) => n - m || a - c || b - d);
      const popped = expected.map(() => queue.pop());
      expect(popped).toEqual(expected.map(([left, right, count]) => ({ pair: table.find(left, right), count })));
      expect(queue.pop()).toBeNull();
    }),
  );
});
