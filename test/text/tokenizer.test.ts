import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadTokenizer } from "../../src/text/tokenizer.js";
import { folderWith, vocabFile } from "./folders.js";

const SMALL = vocabFile("the", "un", "##aff", "##able", "cat", "!", ",", "a", "##b");
const WORDS = ["the", "unaffable", "cat,", "ab", "[MASK]", "dog", "ab"];
const THE = 5;
const UN = 6;
const CAT = 9;

describe("ids are those of Python's tokenizers", () => {
  interface Golden {
    vocab: string[];
    lines: string[];
    ids: Record<string, number[][]>;
  }
  const golden: Golden = JSON.parse(readFileSync(new URL("../goldens/text-ids.json", import.meta.url), "utf8"));
  const configs: Record<string, object> = {
    uncased: { do_lower_case: true },
    cased: { do_lower_case: false },
    "uncased, accents kept": { do_lower_case: true, strip_accents: false },
    "cased, accents stripped": { do_lower_case: false, strip_accents: true },
    "uncased, Chinese characters not split": { do_lower_case: true, tokenize_chinese_chars: false },
  };

  test("there is a configuration for each of the golden's", () => {
    expect(Object.keys(configs)).toEqual(Object.keys(golden.ids));
  });

  test.each(Object.entries(configs))("%s", async (name, config) => {
    const tokenizer = await loadTokenizer(
      await folderWith({ "vocab.txt": golden.vocab.join("\n"), "tokenizer_config.json": JSON.stringify(config) }),
    );
    const ids = await tokenizer.encodeIds(golden.lines);
    for (const [at, line] of golden.lines.entries()) {
      expect([...(ids[at] ?? [])], JSON.stringify(line)).toEqual(golden.ids[name]?.[at]);
    }
  });
});

describe("the vocabulary", () => {
  test("gives each token its id and each id its token", async () => {
    const tokenizer = await loadTokenizer(await folderWith({ "vocab.txt": SMALL }));
    expect(tokenizer.vocabSize).toBe(14);
    expect(tokenizer.ids).toEqual({ pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 });
    expect([...tokenizer.specialIds]).toEqual([0, 1, 2, 3, 4]);
    expect(tokenizer.idToToken(UN)).toBe("un");
    expect(tokenizer.tokenToId("##able")).toBe(8);
    expect(tokenizer.idToToken(14)).toBeNull();
    expect(tokenizer.tokenToId("dog")).toBeNull();
  });

  test("may end its lines as Windows does, and without a last line end", async () => {
    const plain = await loadTokenizer(await folderWith({ "vocab.txt": SMALL }));
    const windows = await loadTokenizer(await folderWith({ "vocab.txt": SMALL.trimEnd().replaceAll("\n", "\r\n") }));
    expect(windows.hash).toBe(plain.hash);
  });

  test("may have added tokens beyond it, found in the text as a whole", async () => {
    const file = JSON.parse(await savedJson(SMALL));
    file.added_tokens.push({ ...file.added_tokens[0], id: 14, content: "<cat>" });
    const tokenizer = await loadTokenizer(await folderWith({ "tokenizer.json": JSON.stringify(file) }));
    expect(tokenizer.vocabSize).toBe(15);
    expect(await idsOf(tokenizer, "the<cat>the")).toEqual([THE, 14, THE]);
  });
});

describe("the hash", () => {
  test("is the same from vocab.txt and from tokenizer.json", async () => {
    const fromVocab = await loadTokenizer(await folderWith({ "vocab.txt": SMALL }));
    const fromJson = await loadTokenizer(await folderWith({ "tokenizer.json": await savedJson(SMALL) }));
    expect(fromJson.hash).toBe(fromVocab.hash);
    expect(fromJson.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  test("does not see how the file is written: defaults spelled out, key order, truncation", async () => {
    const file = JSON.parse(await savedJson(SMALL));
    const [pad, ...others] = file.added_tokens;
    file.added_tokens = [...others, Object.fromEntries(Object.entries(pad).reverse())];
    file.normalizer.strip_accents = true; // What null means where text is lower-cased.
    file.model = Object.fromEntries(Object.entries(file.model).reverse());
    file.truncation = { max_length: 8, strategy: "LongestFirst", stride: 0, direction: "Right" };
    const rewritten = await loadTokenizer(await folderWith({ "tokenizer.json": JSON.stringify(file) }));
    const plain = await loadTokenizer(await folderWith({ "vocab.txt": SMALL }));
    expect(rewritten.hash).toBe(plain.hash);
  });

  test("differs with a piece, with the order, with lower-casing", async () => {
    const hashes = await Promise.all(
      [
        { "vocab.txt": SMALL },
        { "vocab.txt": vocabFile("the", "un", "##aff", "##able", "dog", "!", ",", "a", "##b") },
        { "vocab.txt": vocabFile("un", "the", "##aff", "##able", "cat", "!", ",", "a", "##b") },
        { "vocab.txt": SMALL, "tokenizer_config.json": '{"do_lower_case":false}' },
      ].map(async (files) => (await loadTokenizer(await folderWith(files))).hash),
    );
    expect(new Set(hashes).size).toBe(4);
  });
});

describe("encodeIds", () => {
  test("puts [CLS] and [SEP] around each text when asked", async () => {
    const tokenizer = await loadTokenizer(await folderWith({ "vocab.txt": SMALL }));
    const ids = await tokenizer.encodeIds(["The cat", ""], { addSpecialTokens: true });
    expect(ids.map((text) => [...text])).toEqual([
      [2, THE, CAT, 3],
      [2, 3],
    ]);
  });

  test("of nothing is nothing", async () => {
    const tokenizer = await loadTokenizer(await folderWith({ "vocab.txt": SMALL }));
    expect(await tokenizer.encodeIds([])).toEqual([]);
  });

  test("neither truncates nor pads, whatever tokenizer.json says", async () => {
    const file = JSON.parse(await savedJson(SMALL));
    file.truncation = { max_length: 2, strategy: "LongestFirst", stride: 0, direction: "Right" };
    file.padding = { strategy: { Fixed: 9 }, direction: "Right", pad_id: 0, pad_type_id: 0, pad_token: "[PAD]" };
    const tokenizer = await loadTokenizer(await folderWith({ "tokenizer.json": JSON.stringify(file) }));
    expect(await idsOf(tokenizer, "the the the")).toEqual([THE, THE, THE]);
    expect(await idsOf(tokenizer, "cat")).toEqual([CAT]);
  });

  test("cuts a long text into parts without a trace", async () => {
    const tokenizer = await loadTokenizer(await folderWith({ "vocab.txt": SMALL }));
    const words = Array.from({ length: 40_000 }, (_, i) => WORDS[(i * i) % WORDS.length] as string);
    const [whole = []] = await tokenizer.encodeIds([words.join(" ")]);
    const byWord = await tokenizer.encodeIds(words);
    expect([...whole]).toEqual(byWord.flatMap((ids) => [...ids]));
  });

  test("takes a long text that has no space", async () => {
    const tokenizer = await loadTokenizer(await folderWith({ "vocab.txt": SMALL }));
    expect(await idsOf(tokenizer, `${"x".repeat(300_000)} cat`)).toEqual([1, CAT]);
  });

  test("drops unpaired surrogates as it drops U+FFFD", async () => {
    const tokenizer = await loadTokenizer(await folderWith({ "vocab.txt": SMALL }));
    expect(await idsOf(tokenizer, "c\ud800at \udc00")).toEqual([CAT]);
  });
});

test("encodePair gives the second text and its [SEP] token type 1", async () => {
  const tokenizer = await loadTokenizer(await folderWith({ "vocab.txt": SMALL }));
  const { ids, tokenTypeIds } = await tokenizer.encodePair("the cat", "unaffable!");
  expect([...ids]).toEqual([2, THE, CAT, 3, UN, 7, 8, 10, 3]);
  expect([...tokenTypeIds]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1]);
});

test("decode joins the pieces of words and leaves out special tokens unless asked", async () => {
  const tokenizer = await loadTokenizer(await folderWith({ "vocab.txt": SMALL }));
  const ids = Uint32Array.of(2, THE, UN, 7, 8, CAT, 10, 3);
  expect(await tokenizer.decode(ids)).toBe("the unaffable cat!");
  expect(await tokenizer.decode(ids, { skipSpecialTokens: false })).toBe("[CLS] the unaffable cat! [SEP]");
});

test("a saved tokenizer loads as the same one, from tokenizer.json and from vocab.txt alone", async () => {
  const config = '{"do_lower_case":false,"strip_accents":true,"tokenize_chinese_chars":false}';
  const tokenizer = await loadTokenizer(await folderWith({ "vocab.txt": SMALL, "tokenizer_config.json": config }));
  const saved = await folderWith({});
  await tokenizer.save(saved);
  expect((await loadTokenizer(saved)).hash).toBe(tokenizer.hash);
  const files = await Promise.all(
    ["vocab.txt", "tokenizer_config.json"].map(async (name) => [name, await readFile(join(saved, name), "utf8")]),
  );
  expect((await loadTokenizer(await folderWith(Object.fromEntries(files)))).hash).toBe(tokenizer.hash);
});

async function idsOf(tokenizer: Awaited<ReturnType<typeof loadTokenizer>>, text: string): Promise<number[]> {
  const [ids = []] = await tokenizer.encodeIds([text]);
  return [...ids];
}

async function savedJson(vocab: string): Promise<string> {
  const folder = await folderWith({ "vocab.txt": vocab });
  await (await loadTokenizer(folder)).save(folder);
  return readFile(join(folder, "tokenizer.json"), "utf8");
}
