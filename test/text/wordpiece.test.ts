import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/errors.js";
import { loadTokenizer, type Tokenizer } from "../../src/text/tokenizer.js";
import { trainWordPiece, type WordPieceProgress } from "../../src/text/wordpiece.js";
import { documents, folderWith } from "./folders.js";

const RHYME = "Peter Piper picked a peck of pickled peppers; a peck of pickled peppers Peter Piper picked.";

test("learns the pieces that Python's WordPieceTrainer learns, in its order", async () => {
  interface Golden {
    options: { vocab_size: number; min_frequency: number; limit_alphabet: number };
    words: [string, number][];
    pieces: { first: string[]; continuing: string[]; merged: string[] };
  }
  const golden: Golden = JSON.parse(readFileSync(new URL("../goldens/wordpiece-vocab.json", import.meta.url), "utf8"));
  const texts = golden.words.map(([word, count]) => `${word} `.repeat(count));
  const tokenizer = await trainWordPiece(documents(...texts), {
    vocabSize: golden.options.vocab_size,
    minFrequency: golden.options.min_frequency,
    limitAlphabet: golden.options.limit_alphabet,
  });
  const { first, continuing, merged } = golden.pieces;
  const pieces = piecesOf(tokenizer);
  expect(pieces.slice(0, first.length)).toEqual(first);
  expect(pieces.slice(first.length, -merged.length).sort()).toEqual([...continuing].sort());
  expect(pieces.slice(-merged.length)).toEqual(merged);
});

test("joins the most frequent pair first, worked by hand", async () => {
  const tokenizer = await trainWordPiece(documents("ab ab ab abc bc bc bc bc"), { vocabSize: 13 });
  // a##b occurs 4 times, b##c 4 times, ##b##c once: of the two, [a, ##b] has the smaller numbers.
  expect(piecesOf(tokenizer).slice(5)).toEqual(["a", "b", "c", "##b", "##c", "ab", "bc"]);
});

describe("the vocabulary", () => {
  const corpus = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "c", "é", "Z", "😀", "中", "!", " ", " ") }), {
    minLength: 1,
  });

  test("covers its corpus: no word is [UNK], and the pieces spell the words", async () => {
    await fc.assert(
      fc.asyncProperty(corpus, async (texts) => {
        fc.pre(texts.some((text) => text.trim() !== ""));
        const tokenizer = await trainWordPiece(documents(...texts), { vocabSize: 60 });
        for (const [at, ids] of (await tokenizer.encodeIds(texts)).entries()) {
          expect(ids).not.toContain(tokenizer.ids.unk);
          const spelt = Array.from(ids, (id) => tokenizer.idToToken(id)?.replace(/^##/, "")).join("");
          expect(spelt).toBe(texts[at]?.replaceAll(" ", "").replaceAll("é", "e").toLowerCase());
        }
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  test("has each piece once and is at most as large as asked", async () => {
    await fc.assert(
      fc.asyncProperty(corpus, async (texts) => {
        fc.pre(texts.some((text) => text.trim() !== ""));
        const pieces = piecesOf(await trainWordPiece(documents(...texts), { vocabSize: 30, minFrequency: 1 }));
        expect(new Set(pieces).size).toBe(pieces.length);
        expect(pieces.length).toBeLessThanOrEqual(30);
      }),
      { seed: 2, numRuns: 50 },
    );
  });

  test("does not depend on the order of the documents", async () => {
    const texts = RHYME.split(" ");
    const forward = await trainWordPiece(documents(...texts), { vocabSize: 60 });
    const backward = await trainWordPiece(documents(...texts.reverse()), { vocabSize: 60 });
    expect(piecesOf(forward)).toEqual(piecesOf(backward));
    expect(forward.hash).toBe(backward.hash);
  });

  test("stops where no pair is left that is frequent enough", async () => {
    const often = await trainWordPiece(documents("abab abab cd"), { vocabSize: 1000, minFrequency: 2 });
    expect(piecesOf(often).filter((piece) => piece.includes("c"))).toEqual(["c"]);
    const once = await trainWordPiece(documents("abab abab cd"), { vocabSize: 1000, minFrequency: 1 });
    expect(once.tokenToId("cd")).not.toBeNull();
  });

  test("keeps the most frequent characters, and leaves the others out of their words", async () => {
    const tokenizer = await trainWordPiece(documents("aaxb aaxb bb"), { vocabSize: 100, limitAlphabet: 2 });
    expect(piecesOf(tokenizer).slice(5)).toEqual(["a", "b", "##a", "##b", "aa", "aab"]);
    expect(await tokenizer.encodeIds(["x"])).toEqual([Uint32Array.of(tokenizer.ids.unk)]);
  });

  test("keeps case and accents where it is not lower-cased", async () => {
    const tokenizer = await trainWordPiece(documents("É É é e E"), { vocabSize: 100, lowercase: false });
    expect(piecesOf(tokenizer).slice(5)).toEqual(["E", "e", "É", "é"]);
  });

  test("is learned from the commoner words where the rare ones do not fit the limit", async () => {
    const rare = Array.from({ length: 500 }, (_, i) => `q${i.toString(36)}`).join(" ");
    const tokenizer = await trainWordPiece(documents("the cat the cat the cat", rare, "the cat"), {
      vocabSize: 100,
      maxWords: 100,
    });
    expect(tokenizer.tokenToId("the")).not.toBeNull();
    expect(tokenizer.tokenToId("cat")).not.toBeNull();
  });
});

test("saved and loaded, it gives the same ids", async () => {
  const trained = await trainWordPiece(documents(RHYME), { vocabSize: 60 });
  const folder = await folderWith({});
  await trained.save(folder);
  const loaded = await loadTokenizer(folder);
  expect(loaded.hash).toBe(trained.hash);
  expect(await loaded.encodeIds([RHYME])).toEqual(await trained.encodeIds([RHYME]));
});

test("progress goes from the counting of words to the last piece", async () => {
  const seen: WordPieceProgress[] = [];
  await trainWordPiece(documents(RHYME, "more"), { vocabSize: 40, onProgress: (progress) => seen.push(progress) });
  expect(seen[0]).toEqual({ stage: "count", documents: 2, characters: RHYME.length + 4, words: 11 });
  expect(seen.at(-1)).toEqual({ stage: "merge", pieces: 40, vocabSize: 40 });
});

describe("is refused", () => {
  test("a corpus without words", async () => {
    await expect(trainWordPiece(documents("", " \n\u0007"), { vocabSize: 100 })).rejects.toThrow(ConfigError);
  });

  test("a size that does not hold the alphabet", async () => {
    await expect(trainWordPiece(documents(RHYME), { vocabSize: 10 })).rejects.toThrow(
      /^a vocabulary of 10 pieces is too small: .* take \d+\. Raise the vocabulary size/,
    );
  });

  test.each([
    { vocabSize: 0 },
    { vocabSize: 10.5 },
    { vocabSize: 100, minFrequency: 0 },
    { vocabSize: 100, limitAlphabet: -1 },
    { vocabSize: 100, maxWords: Number.NaN },
  ])("%o", async (options) => {
    await expect(trainWordPiece(documents(RHYME), options)).rejects.toThrow(ConfigError);
  });
});

function piecesOf(tokenizer: Tokenizer): string[] {
  return Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.idToToken(id) as string);
}
