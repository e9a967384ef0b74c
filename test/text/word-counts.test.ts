import { expect, test } from "vitest";
import { WordCounts } from "../../src/text/word-counts.js";

function read(counts: WordCounts, ...words: string[]): void {
  for (const word of words) {
    for (let i = 0; i < word.length; i++) counts.push(word.charCodeAt(i));
    counts.end();
  }
}

function entries(counts: WordCounts): [string, number][] {
  return Array.from({ length: counts.size }, (_, word) => [
    String.fromCharCode(...counts.units(word)),
    counts.count(word),
  ]);
}

test("counts words in the order they first came; an end without a word is none", () => {
  const counts = new WordCounts();
  read(counts, "b", "", "a", "b", "😀", "ab", "b");
  expect(entries(counts)).toEqual([
    ["b", 3],
    ["a", 1],
    ["😀", 1],
    ["ab", 1],
  ]);
});

test("is exact for a hundred thousand words", () => {
  const counts = new WordCounts();
  const expected = new Map<string, number>();
  for (let i = 0; i < 300_000; i++) {
    const word = ((i * i) % 100_003).toString(36);
    read(counts, word);
    expected.set(word, (expected.get(word) ?? 0) + 1);
  }
  expect(new Map(entries(counts))).toEqual(expected);
});

test("is exact for two hundred thousand words, of more units than there was room for at first", () => {
  const counts = new WordCounts();
  const wordOf = (i: number) => `word-${i.toString(36)}-${i}`;
  for (let i = 0; i < 200_000; i++) read(counts, wordOf(i));
  for (let i = 0; i < 200_000; i += 7) read(counts, wordOf(i));
  expect(counts.size).toBe(200_000);
  for (let word = 0; word < counts.size; word++) {
    const actual = `${String.fromCharCode(...counts.units(word))} ${counts.count(word)}`;
    const expected = `${wordOf(word)} ${word % 7 === 0 ? 2 : 1}`;
    if (actual !== expected) expect(actual).toBe(expected); // Once for each would take a second.
  }
});

test("leaves out words of more than 100 characters, however many code units they have", () => {
  const counts = new WordCounts();
  read(counts, "a".repeat(101), "😀".repeat(100), "😀".repeat(101), "a".repeat(100));
  expect(entries(counts).map(([word]) => word)).toEqual(["😀".repeat(100), "a".repeat(100)]);
});

test("drops the rarest when it is full, and keeps counting the others", () => {
  const counts = new WordCounts({ maxWords: 4 });
  read(counts, "a", "a", "b", "b", "c", "d", "d", "d"); // Full, but no more than that.
  expect(counts.size).toBe(4);
  read(counts, "e"); // c and e were seen once.
  expect(entries(counts)).toEqual([
    ["a", 2],
    ["b", 2],
    ["d", 3],
  ]);
  read(counts, "c", "b");
  expect(entries(counts)).toEqual([
    ["a", 2],
    ["b", 3],
    ["d", 3],
    ["c", 1],
  ]);
});
