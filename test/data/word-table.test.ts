import { expect, test } from "vitest";
import { WordTable } from "../../src/data/word-table.js";

const numberOf = (table: WordTable, word: string) => table.number(word, 0, word.length);

test("words are numbered as they first come, and known again wherever they stand", () => {
  const table = new WordTable();
  expect(["the", "end", "of", "the", "en", "end"].map((word) => numberOf(table, word))).toEqual([0, 1, 2, 0, 3, 1]);
  expect(table.number("is the end.", 3, 6)).toBe(0);
  expect([table.size, table.units]).toEqual([4, 3 + 3 + 2 + 2]);
  expect([0, 1, 2, 3].map((number) => table.text(number))).toEqual(["the", "end", "of", "en"]);
});

test("a table that was cleared begins anew", () => {
  const table = new WordTable();
  for (const word of ["a", "b", "c"]) numberOf(table, word);
  table.clear();
  expect([table.size, table.units]).toEqual([0, 0]);
  expect(["c", "b", "c"].map((word) => numberOf(table, word))).toEqual([0, 1, 0]);
  expect(table.text(1)).toBe("b");
});

test("more words, of more units, are held than there was room for at first", () => {
  const table = new WordTable();
  const wordOf = (i: number) => `w${i.toString(36)}${"x".repeat(i % 5)}`;
  for (let i = 0; i < 200_000; i++) if (numberOf(table, wordOf(i)) !== i) expect(i).toBe("new");
  let wrong = 0;
  for (let i = 0; i < 200_000; i++) if (numberOf(table, wordOf(i)) !== i || table.text(i) !== wordOf(i)) wrong++;
  expect([wrong, table.size]).toEqual([0, 200_000]);
});

test("a word longer than all the room there is, is held", () => {
  const table = new WordTable();
  const word = "\u00e9".repeat(1 << 20);
  expect([numberOf(table, "a"), numberOf(table, word), numberOf(table, "b"), numberOf(table, word)]).toEqual([
    0, 1, 2, 1,
  ]);
  expect(table.text(1) === word).toBe(true);
  expect(table.text(2)).toBe("b");
});
