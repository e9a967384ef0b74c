import { symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readCorpus } from "../../../src/data/readers/corpus.js";
import { LONGEST_DOCUMENT } from "../../../src/data/readers/documents.js";
import { folderWith } from "../folders.js";

const GOLDENS = resolve(import.meta.dirname, "../../goldens");
// Three rows of JSON lines in two frames, by the zstd command.
const ZSTD = Buffer.from(
  "KLUv/QRYWQEAeyJ0ZXh0IjoiZmlyc3Qgcm93In0KeyJ0ZXh0Ijoic2Vjb25kIHJvdyJ9CkDsK6wotS/9BFhBAQB7InRleHQiOiJ0aGlyZCByb3csIGluIGEgc2Vjb25kIGZyYW1lIn0KprCpaw==",
  "base64",
);

function documentsOf(...paths: string[]): Promise<string[]> {
  return collect(readCorpus(paths));
}

async function collect(documents: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const document of documents) all.push(document);
  return all;
}

async function textDocuments(content: string | Uint8Array): Promise<string[]> {
  return documentsOf(join(folderWith({ "a.txt": content }), "a.txt"));
}

describe("text", () => {
  test("has documents between blank lines, whose lines are paragraphs", async () => {
    expect(await textDocuments("one\ntwo\n\nthree\n\n\n \t \nfour")).toEqual(["one\ntwo", "three", "four"]);
  });

  test("may end its lines as Windows and old Macs do, and begin with a byte order mark", async () => {
    expect(await textDocuments("\ufeffone\r\ntwo\r\n\r\nthree\r\rfour")).toEqual(["one\ntwo", "three", "four"]);
  });

  test("is tidied: no control characters, single spaces, no more", async () => {
    expect(await textDocuments("  a\u0001b \t  c\u00a0d\u0085 é e\u0301 \n")).toEqual(["ab c\u00a0d é e\u0301"]);
  });

  test("keeps characters whole where a piece of the file ends", async () => {
    const document = "aé中😀".repeat(80_000); // 800 kB: more than is read at once.
    expect(await textDocuments(document)).toEqual([document]);
  });

  test("is cut at the end of a line where a document is too long", async () => {
    const line = "word ".repeat(100).trim();
    const documents = await textDocuments(`${line}\n`.repeat(5000));
    expect(documents.length).toBe(3);
    expect(documents.join("\n")).toBe(`${line}\n`.repeat(5000).trim());
    for (const document of documents) expect(document.length).toBeLessThanOrEqual(LONGEST_DOCUMENT);
  });

  test("is cut at a space, or anywhere, where a line is too long", async () => {
    const spaced = "word ".repeat(500_000).trim();
    expect((await textDocuments(spaced)).join(" ")).toBe(spaced);
    const solid = "😀".repeat(1_500_000);
    const documents = await textDocuments(solid);
    expect(documents.join("")).toBe(solid);
    for (const document of documents) expect(document.length % 2).toBe(0); // No character is cut in two.
  });
});

describe("JSON lines", () => {
  const rows = '{"text": "one\\ntwo\\n\\nthree", "id": 7}\n\n{"id": 8, "text": "four"}\n{"text": ""}';

  test("have a document a row, without its blank lines", async () => {
    const folder = folderWith({ "a.jsonl": rows });
    expect(await documentsOf(join(folder, "a.jsonl"))).toEqual(["one\ntwo\nthree", "four"]);
  });

  test("may be packed by gzip, in several members too", async () => {
    const packed = Buffer.concat([gzipSync(`${rows}\n`), gzipSync('{"text": "five"}\n')]);
    const folder = folderWith({ "a.jsonl.gz": packed });
    expect(await documentsOf(join(folder, "a.jsonl.gz"))).toEqual(["one\ntwo\nthree", "four", "five"]);
  });

  test("may be packed by Zstandard, in several frames too", async () => {
    const folder = folderWith({ "a.jsonl.zst": ZSTD });
    expect(await documentsOf(join(folder, "a.jsonl.zst"))).toEqual([
      "first row",
      "second row",
      "third row, in a second frame",
    ]);
  });

  test("may have a damaged character, which a tokenizer drops", async () => {
    const rows = Buffer.from('{"text": "one\xff two"}\n{"text": "three"}\n', "latin1");
    expect(await documentsOf(join(folderWith({ "a.jsonl": rows }), "a.jsonl"))).toEqual(["one\ufffd two", "three"]);
  });

  test("have long rows cut into several documents", async () => {
    const text = "word ".repeat(500_000).trim();
    const folder = folderWith({ "a.jsonl": JSON.stringify({ text }) });
    const documents = await documentsOf(join(folder, "a.jsonl"));
    expect(documents.length).toBe(3);
    expect(documents.join(" ")).toBe(text);
  });
});

describe("Parquet", () => {
  test("has a document a row, over all row groups", async () => {
    expect(await documentsOf(join(GOLDENS, "corpus.parquet"))).toEqual([
      "First document.\nSecond line.",
      "naïve 中文",
      "last",
    ]);
  });

  test("is read in slices where a row group is large", async () => {
    const documents = await documentsOf(join(GOLDENS, "corpus-wide.parquet"));
    expect(documents.map((document) => document.split(" ")[1])).toEqual(
      Array.from({ length: 640 }, (_, i) => String(i)),
    );
    expect(new Set(documents.map((document) => document.replace(/\d+/, "").length)).size).toBe(1);
  });
});

describe("a folder", () => {
  const files = { "b.txt": "b", "a/z.txt": "a/z", "a/y.jsonl": '{"text":"a/y"}', "c.txt.gz": gzipSync("c") };

  test("is read whole, by name", async () => {
    expect(await documentsOf(folderWith(files))).toEqual(["a/y", "a/z", "b", "c"]);
  });

  test("names what it passes over, and is not caught in links", async () => {
    const folder = folderWith({ ...files, "photo.jpg": "x", "empty.txt": "", ".hidden.txt": "h" });
    symlinkSync(folder, join(folder, "loop"));
    const corpus = readCorpus([folder]);
    expect(corpus.ignored).toEqual([join(folder, "empty.txt"), join(folder, "photo.jpg")]);
    expect(await collect(corpus)).toEqual(["a/y", "a/z", "b", "c"]);
  });

  test("says how much of it was read", async () => {
    const corpus = readCorpus([folderWith(files)]);
    const bytes = 1 + 3 + 14 + gzipSync("c").length;
    expect([corpus.totalBytes, corpus.bytesRead]).toEqual([bytes, 0]);
    await collect(corpus);
    expect(corpus.bytesRead).toBe(bytes);
    const parquet = readCorpus([join(GOLDENS, "corpus.parquet")]);
    await collect(parquet);
    expect(parquet.bytesRead).toBe(parquet.totalBytes);
  });
});
