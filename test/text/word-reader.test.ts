import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { packageSplitter, WordReader } from "../../src/text/word-reader.js";

const SETTINGS = [
  { cleanText: true, chineseChars: true, stripAccents: true, lowercase: true },
  { cleanText: true, chineseChars: true, stripAccents: false, lowercase: false },
  { cleanText: true, chineseChars: false, stripAccents: false, lowercase: true },
];

describe.each(SETTINGS)("splits as the package does, with %o", (settings) => {
  const reference = packageSplitter(settings);
  const words = wordsBy(new WordReader(settings));

  test("every character of the basic plane by itself between letters", () => {
    for (let code = 0; code <= 0xffff; code += 0x400) {
      const block = Array.from({ length: 0x400 }, (_, i) => `x${String.fromCodePoint(code + i)}y `).join("");
      expect(words(block)).toEqual(reference(block));
    }
  });

  test("any text", () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom(" ", "A", "é", "e\u0301", "中", "-", "Σ"),
        fc.string({ unit: "binary", maxLength: 1 }),
      ),
    });
    fc.assert(
      fc.property(text, (sample) => {
        expect(words(sample)).toEqual(reference(sample));
      }),
      { seed: 1, numRuns: 1000 },
    );
  });
});

function wordsBy(reader: WordReader): (text: string) => string[] {
  return (text) => {
    const words: string[] = [];
    let word = "";
    reader.read(text, {
      push: (unit) => {
        word += String.fromCharCode(unit);
      },
      end: () => {
        if (word !== "") words.push(word);
        word = "";
      },
    });
    return words;
  };
}
