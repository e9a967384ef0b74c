import { execFileSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { loadTokenizer } from "../../src/text/tokenizer.js";
import { WordCounts } from "../../src/text/word-counts.js";
import { packageSplitter, WordReader } from "../../src/text/word-reader.js";
import { trainWordPiece } from "../../src/text/wordpiece.js";
import { data, dataPath, needs, PYTHON, python } from "../needs.js";
import { documents, folderWith } from "./folders.js";

const wikipedia = dataPath("wikipedia.txt.xz");
const vocab = dataPath("vocab");
const realText = data("wikipedia.txt.xz", "vocab");
const MEBIBYTE = 2 ** 20;

interface Reference {
  kind?: string;
  size?: number;
  maxLength?: number;
  special?: string[];
  ids: number[][];
  pair: { ids: number[]; tokenTypeIds: number[] };
}

function reference(source: string, lines: string[]): Reference {
  const script = fileURLToPath(new URL("reference_ids.py", import.meta.url));
  const output = execFileSync(PYTHON, [script, source], {
    input: JSON.stringify(lines),
    env: { ...process.env, HF_HUB_OFFLINE: "1", PYTHONIOENCODING: "utf-8" },
    encoding: "utf8",
    maxBuffer: 256 * MEBIBYTE,
    stdio: ["pipe", "pipe", "ignore"],
  });
  return JSON.parse(output);
}

function wikipediaLines(count: number): string[] {
  const command = 'xz -dc "$0" | head -n "$1"';
  const text = execFileSync("sh", ["-c", command, wikipedia, String(count)], {
    encoding: "utf8",
    maxBuffer: 256 * MEBIBYTE,
    stdio: ["ignore", "pipe", "ignore"], // xz complains that head has had enough.
  });
  return text.split("\n").slice(0, count);
}

describe("in Python's transformers", needs(python("transformers", "tokenizers")), () => {
  const lines = ["Hello, unaffable world!", "Café 中文 [MASK] naïve", "ÉTÉ d'été"];

  test.each([true, false])("a saved tokenizer is a BERT tokenizer, lower-cased: %s", async (lowercase) => {
    const tokenizer = await trainWordPiece(documents(...lines, ...lines), { vocabSize: 90, lowercase });
    const folder = await folderWith({});
    await tokenizer.save(folder, { maxLength: 128 });
    const python = reference(folder, lines);
    expect(python).toMatchObject({ kind: "BertTokenizer", size: tokenizer.vocabSize, maxLength: 128 });
    expect(python.special).toEqual(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]);
    expect(python.ids).toEqual((await tokenizer.encodeIds(lines)).map((ids) => [...ids]));
    const { ids, tokenTypeIds } = await tokenizer.encodePair(lines[0] as string, lines[1] as string);
    expect(python.pair).toEqual({ ids: [...ids], tokenTypeIds: [...tokenTypeIds] });
  });
});

describe("on 10,000 lines of Wikipedia", needs(realText), () => {
  test("the ids of every line are the reference tokenizer's", needs(realText, python("tokenizers")), async () => {
    const lines = wikipediaLines(10_000);
    const expected = reference(join(vocab, "tokenizer.json"), lines).ids;
    const folder = await folderWith({});
    copyFileSync(join(vocab, "vocab.txt"), join(folder, "vocab.txt"));
    for (const source of [vocab, folder]) {
      const ids = await (await loadTokenizer(source)).encodeIds(lines);
      for (const [at, line] of lines.entries()) expect([...(ids[at] ?? [])], line).toEqual(expected[at]);
    }
  });

  test("vocab.txt and tokenizer.json of bert-base-uncased have the same hash", async () => {
    const folder = await folderWith({});
    copyFileSync(join(vocab, "vocab.txt"), join(folder, "vocab.txt"));
    expect((await loadTokenizer(folder)).hash).toBe((await loadTokenizer(vocab)).hash);
  });

  test("the words counted are those of the package", () => {
    const settings = { cleanText: true, chineseChars: true, stripAccents: true, lowercase: true };
    const split = packageSplitter(settings);
    const expected = new Map<string, number>();
    const counts = new WordCounts();
    const reader = new WordReader(settings);
    for (const line of wikipediaLines(10_000)) {
      reader.read(line, counts);
      for (const word of split(line)) {
        if ([...word].length <= 100) expected.set(word, (expected.get(word) ?? 0) + 1); // Longer ones are [UNK].
      }
    }
    expect(counts.size).toBe(expected.size);
    for (let word = 0; word < counts.size; word++) {
      expect(counts.count(word)).toBe(expected.get(String.fromCharCode(...counts.units(word))));
    }
  });
});
