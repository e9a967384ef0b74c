import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadTokenizer, type Tokenizer } from "../../src/text/tokenizer.js";
import { folderWith, vocabFile } from "./folders.js";

const TEACHER = fileURLToPath(new URL("../../assets/teacher", import.meta.url));

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(TEACHER);
});

/** Each token with what stands in the text where it is. */
async function placed(text: string): Promise<[string | null, string][]> {
  const [encoded] = await tokenizer.encodeWithOffsets([text]);
  const { ids = [], starts = [], ends = [] } = encoded ?? {};
  return Array.from(ids, (id, i) => [tokenizer.idToToken(id), text.slice(starts[i], ends[i])]);
}

describe("a token stands where the text says it", () => {
  test.each<[string, string, [string, string][]]>([
    ["lower-cased", "The RIVER", [["the", "The"], ["river", "RIVER"]]],
    ["behind emoji, which are two units each", "😀😀 the 😀 river", [["[UNK]", "😀😀"], ["the", "the"], ["[UNK]", "😀"], ["river", "river"]]],
    ["in pieces", "the rises.", [["the", "the"], ["rise", "rise"], ["##s", "s"], [".", "."]]],
    ["without its accent", "thé rivér", [["the", "thé"], ["river", "rivér"]]],
    ["without its accent, which is a character of its own", "the\u0301 river", [["the", "the"], ["river", "river"]]],
    ["longer in lower case than in upper", "\u0130n the river", [["in", "\u0130n"], ["the", "the"], ["river", "river"]]],
    ["around characters that count for nothing", "the\u200b\u0000 ri\u00adver", [["the", "the"], ["river", "ri\u00adver"]]],
    ["between spaces of any kind", " \t the\u00a0\n\u3000river ", [["the", "the"], ["river", "river"]]],
    ["Chinese, of one unit and of two", "the北𠀀river", [["the", "the"], ["[UNK]", "北"], ["[UNK]", "𠀀"], ["river", "river"]]],
    ["a special token", "the [MASK] river", [["the", "the"], ["[MASK]", "[MASK]"], ["river", "river"]]],
    ["behind half a surrogate pair", "\ud83d the \ude00river", [["the", "the"], ["river", "river"]]],
  ])("%s", async (_, text, expected) => {
    expect(await placed(text)).toEqual(expected);
  }); // biome-ignore format: a row each
});

test("of nothing is nothing", async () => {
  expect(await tokenizer.encodeWithOffsets([])).toEqual([]);
  expect(await placed("")).toEqual([]);
});

test("texts of more than a batch keep their order", async () => {
  const texts = Array.from({ length: 300 }, (_, i) => `${"river ".repeat(1000)}${i % 2 === 0 ? "the" : "river"} 😀`);
  const encoded = await tokenizer.encodeWithOffsets(texts);
  const lasts = encoded.map(({ starts, ends }, i) => texts[i]?.slice(starts.at(-2), ends.at(-2)));
  expect(lasts).toEqual(texts.map((_, i) => (i % 2 === 0 ? "the" : "river")));
});

test("any text gives encodeIds' ids, in order, and no offset cuts a character", async () => {
  const cased = await loadTokenizer(
    await folderWith({
      "vocab.txt": vocabFile(..."abcdeé中😀!", ...Array.from("abcde😀\u0301", (piece) => `##${piece}`)),
      "tokenizer_config.json": '{"do_lower_case":false}',
    }),
  );
  const text = fc.string({
    unit: fc.constantFrom(..."abcAÉé中𠀀😀각! \t\u0301\u200d\u0000", "\ud83d", "\ude00"),
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 5 }), async (texts) => {
      for (const any of [tokenizer, cased]) {
        const ids = await any.encodeIds(texts);
        for (const [i, encoded] of (await any.encodeWithOffsets(texts)).entries()) {
          const given = texts[i] as string;
          expect(encoded.ids).toEqual(ids[i]);
          const boundaries = new Set(boundariesOf(given));
          let last = 0; // A start may come twice: accents apart, 각 is three characters, and may be as many pieces.
          for (const [token, start] of encoded.starts.entries()) {
            const end = encoded.ends[token] as number;
            expect(start).toBeGreaterThanOrEqual(last);
            expect(end).toBeGreaterThan(start);
            expect([boundaries.has(start), boundaries.has(end)]).toEqual([true, true]);
            last = start;
          }
        }
      }
    }),
  );
});

/** Where the characters of a text begin, and where it ends. */
function boundariesOf(text: string): number[] {
  const lengths = Array.from(text, (character) => character.length);
  return [...lengths, 0].map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, 0));
}
