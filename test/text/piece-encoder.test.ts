import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CharacterEffects } from "../../src/text/characters.js";
import { PieceEncoder } from "../../src/text/piece-encoder.js";
import { loadTokenizer, Tokenizer } from "../../src/text/tokenizer.js";
import { readTokenizerFolder } from "../../src/text/tokenizer-files.js";
import { bertSpec, type TokenizerSpec } from "../../src/text/tokenizer-spec.js";
import { packageSplitter } from "../../src/text/word-reader.js";
import { folderWith, vocabFile } from "./folders.js";

const TEACHER = fileURLToPath(new URL("../../assets/teacher", import.meta.url));

const SETTINGS = [
  { cleanText: true, chineseChars: true, stripAccents: true, lowercase: true },
  { cleanText: true, chineseChars: true, stripAccents: false, lowercase: false },
  { cleanText: false, chineseChars: false, stripAccents: true, lowercase: false },
  { cleanText: false, chineseChars: true, stripAccents: false, lowercase: true },
];

describe.each(SETTINGS)("every character of Unicode becomes what the package makes of it, with %o", (settings) => {
  const reference = packageSplitter(settings);
  const effects = new CharacterEffects(settings);
  const words = (codes: readonly number[]) =>
    codes
      .map((code) => `x${effects.of(code).join(" ")}y`)
      .join(" ")
      .split(" ")
      .filter((word) => word !== "");

  test.each([0, 1, 2, 3, 14, 15, 16])("in plane %i", (plane) => {
    for (let first = plane << 16; first < (plane + 1) << 16; first += 0x400) {
      if (first >= 0xd800 && first < 0xe000) continue; // Surrogates are no characters.
      const codes = Array.from({ length: 0x400 }, (_, i) => first + i);
      expect(words(codes)).toEqual(reference(codes.map((code) => `x${String.fromCodePoint(code)}y `).join("")));
    }
  });
});

/** The ids and places of each text, by the package and by ourselves. */
async function bothWays(folder: string) {
  const encoder = new PieceEncoder(await readTokenizerFolder(folder), folder);
  const tokenizer = await loadTokenizer(folder);
  return async (texts: readonly string[]) => ({
    ours: texts.map((text) => encoder.encode(text)),
    theirs: await tokenizer.encodeWithOffsets(texts),
  });
}

describe("ids and places are the package's", () => {
  test("of sentences, in any language", async () => {
    const { ours, theirs } = await (await bothWays(TEACHER))([
      "The RIVER rises; it's 3.14 (or $2,026.50), isn't it?",
      "thé rivér, the\u0301 rive\u0301r; İstanbul ΣΊΣΥΦΟΣ Straße œuvre Łódź",
      "😀😀 the 😀 river 👨‍👩‍👧‍👦 the北𠀀river 中文書 「引號」。",
      "한글 각 ไทย हिन्दी का ≠ \u037e",
      " \t the\u00a0\n\u3000river\u2028nul \u0000 bell \u0007 soft\u00adhyphen \ud83d the \ude00river",
      `the ${"x".repeat(100)} river ${"x".repeat(101)} stone`,
      "the [MASK] river [mask] [SEP][CLS]x[UNK]y[PAD",
      "",
    ]);
    expect(ours).toEqual(theirs);
  });

  test("of any text, in cased and uncased vocabularies", async () => {
    const cased = await folderWith({
      "vocab.txt": vocabFile(..."abcdeé中😀!", ...Array.from("abcde😀\u0301", (piece) => `##${piece}`), "ab", "##cd"),
      "tokenizer_config.json": '{"do_lower_case":false}',
    });
    const unit = fc.oneof(
      fc.constantFrom(..."abcAÉé中𠀀😀각! \t\u0301\u200d\u0000\u0130", "\ud83d", "\ude00", "[MASK]", "abcd"),
      fc.string({ unit: "binary", maxLength: 1 }),
    );
    const encoders = [await bothWays(TEACHER), await bothWays(cased)];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit, maxLength: 40 }), { maxLength: 5 }), async (texts) => {
        for (const encode of encoders) {
          const { ours, theirs } = await encode(texts);
          expect(ours).toEqual(theirs);
        }
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  test("with added tokens that take blanks with them, or stand alone only", async () => {
    const flags = { normalized: false, special: true, single_word: false, lstrip: false, rstrip: false };
    const base = await readTokenizerFolder(TEACHER);
    const spec: TokenizerSpec = {
      ...base,
      added: [
        ...base.added,
        { ...flags, id: 8000, content: "<cat>" },
        { ...flags, id: 8001, content: "<cat>s", lstrip: true, rstrip: true },
        { ...flags, id: 8002, content: "zzq", single_word: true },
      ],
    };
    const texts = ["the<cat>the", "a  <cat>s  b <cat> s", "zzq zzqs zzq, _zzq ézzq zzq"];
    const encoder = new PieceEncoder(spec, "tokenizer.json");
    expect(texts.map((text) => encoder.encode(text))).toEqual(await new Tokenizer(spec).encodeWithOffsets(texts));
  });
});

describe("a limit", () => {
  const encoder = new PieceEncoder(
    bertSpec(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##a"], SETTINGS[0] as (typeof SETTINGS)[0]),
    "here",
  );

  test("gives the first of the tokens", () => {
    expect([...encoder.encode("aaa a [MASK] aa", 5).ids]).toEqual([5, 6, 6, 5, 4]);
    expect([...encoder.encode("aaa a", 2).ids]).toEqual([5, 6]);
    expect([...encoder.encode("[MASK][MASK]", 1).ids]).toEqual([4]);
  });
});

test("a tokenizer without added tokens reads words as any other", () => {
  const spec = {
    ...bertSpec(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"], SETTINGS[0] as (typeof SETTINGS)[0]),
    added: [],
  };
  expect([...new PieceEncoder(spec, "tokenizer.json").encode("a b [MASK]").ids].slice(0, 2)).toEqual([5, 6]);
});

test("added tokens that are looked for in normalised text are refused", async () => {
  const spec = await readTokenizerFolder(TEACHER);
  const added = [
    ...spec.added,
    { ...(spec.added[0] as (typeof spec.added)[0]), id: 8000, content: "X", normalized: true },
  ];
  expect(() => new PieceEncoder({ ...spec, added }, "here")).toThrow(
    /^here: the added token "X" is looked for in norm/,
  );
});
