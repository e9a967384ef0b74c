import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cleanLine } from "../../src/data/readers/documents.js";
import { CachedEncoder } from "../../src/data/word-cache.js";
import { loadTokenizer, type Tokenizer } from "../../src/text/tokenizer.js";
import { data, dataPath, needs } from "../needs.js";
import { folderWith } from "./folders.js";
import { madeUpDocuments, PIECES, tokenizerFolder } from "./made-up-text.js";

async function encode(encoder: CachedEncoder, documents: string[]): Promise<number[][]> {
  const { ids, lengths } = await encoder.encode(documents);
  let start = 0;
  return Array.from(lengths, (length) => {
    const document = [...ids.subarray(start, start + length)];
    start += length;
    return document;
  });
}

/** What the tokenizer itself says, the special tokens left out. */
async function reference(tokenizer: Tokenizer, documents: string[]): Promise<number[][]> {
  const dropped = new Set([...tokenizer.specialIds].filter((id) => id !== tokenizer.ids.unk));
  return (await tokenizer.encodeIds(documents)).map((ids) => [...ids].filter((id) => !dropped.has(id)));
}

const cased = () =>
  folderWith({ "vocab.txt": `${PIECES.join("\n")}\nÉ\né\n`, "tokenizer_config.json": '{"do_lower_case": false}' });

test.each([
  ["lower-casing", tokenizerFolder],
  ["cased", cased],
])("gives the ids of the tokenizer itself, whatever the text (%s)", async (_, folder) => {
  const tokenizer = await loadTokenizer(folder());
  const encoder = new CachedEncoder(tokenizer, 2);
  const fragment = fc.oneof(
    fc.string({ unit: "binary", maxLength: 8 }),
    fc.constantFrom(
      "walking",
      "River,",
      "[MASK]",
      "a[SEP]b",
      "[",
      "MASK]",
      "e\u0301",
      "É",
      "\u0301",
      "_",
      "中文",
      " ",
      "\n",
      "\t",
    ),
  );
  const document = fc.array(fragment, { maxLength: 12 }).map((fragments) => fragments.join(""));
  await fc.assert(
    fc.asyncProperty(fc.array(document, { maxLength: 5 }), async (documents) => {
      expect(await encode(encoder, documents)).toEqual(await reference(tokenizer, documents));
    }),
    { numRuns: 300 },
  );
});

test("cleaning changes no ids", async () => {
  const tokenizer = await loadTokenizer(cased());
  const line = fc.string({ unit: "binary", maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(line, async (text) => {
      expect(await tokenizer.encodeIds([cleanLine(text)])).toEqual(await tokenizer.encodeIds([text]));
    }),
    { numRuns: 300 },
  );
});

test("remembers, and forgets when there is too much, without a difference", async () => {
  const tokenizer = await loadTokenizer(tokenizerFolder());
  const encoder = new CachedEncoder(tokenizer, 4, 100);
  const many = Array.from({ length: 500 }, (_, i) => `w${i.toString(36)}`).join(" ");
  for (const documents of [madeUpDocuments(50), [many], madeUpDocuments(50), [many], madeUpDocuments(5), []]) {
    expect(await encode(encoder, documents)).toEqual(await reference(tokenizer, documents));
  }
});

test("gives the ids of the tokenizer itself for more words, pieces and text than there was room for at first", async () => {
  const tokenizer = await loadTokenizer(tokenizerFolder());
  const wordOf = (i: number) => `${i.toString(36)}k${i}`;
  const documents = [0, 1].map((half) => Array.from({ length: 40_000 }, (_, i) => wordOf(i + half * 35_000)).join(" "));
  const encoded = await encode(new CachedEncoder(tokenizer, 2), documents);
  for (const [i, expected] of (await reference(tokenizer, documents)).entries()) {
    expect(expected.length).toBeGreaterThan(250_000);
    expect(`${encoded[i]}` === `${expected}`, `document ${i}`).toBe(true);
  }
});

test("may be asked again before it has answered", async () => {
  const tokenizer = await loadTokenizer(tokenizerFolder());
  const encoder = new CachedEncoder(tokenizer, 2);
  const batches = [madeUpDocuments(20, 1), madeUpDocuments(20, 2), madeUpDocuments(20, 3)];
  const answers = await Promise.all(batches.map((documents) => encode(encoder, documents)));
  for (const [i, documents] of batches.entries()) expect(answers[i]).toEqual(await reference(tokenizer, documents));
});

const realText = needs(data("wikipedia.txt.xz", "vocab"));
test("gives the reference ids on 10,000 lines of Wikipedia", realText, async () => {
  const command = 'xz -dc "$0" | head -n 10000';
  const lines = execFileSync("sh", ["-c", command, dataPath("wikipedia.txt.xz")], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    stdio: ["ignore", "pipe", "ignore"], // xz complains that head has had enough.
  }).split("\n");
  const tokenizer = await loadTokenizer(dataPath("vocab"));
  expect(await encode(new CachedEncoder(tokenizer, 2), lines.map(cleanLine))).toEqual(
    await reference(tokenizer, lines),
  );
});
