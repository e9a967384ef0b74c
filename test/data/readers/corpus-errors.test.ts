import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readCorpus } from "../../../src/data/readers/corpus.js";
import { ConfigError, FormatError } from "../../../src/errors.js";
import { folderWith } from "../folders.js";

const ZSTD = Buffer.from("KLUv/QRYWQEAeyJ0ZXh0IjoiZmlyc3Qgcm93In0KeyJ0ZXh0Ijoic2Vjb25kIHJvdyJ9CkDsK6w=", "base64");
const bytes = (length: number, of: (i: number) => number) => Uint8Array.from({ length }, (_, i) => of(i));

async function failure(paths: string[]): Promise<Error> {
  try {
    for await (const _ of readCorpus(paths));
  } catch (error) {
    return error as Error;
  }
  throw new Error("the corpus was read");
}

test.each<[string, string, string | Uint8Array, RegExp]>([
  ["a row that is not JSON", "a.jsonl", '{"text":"a"}\n{"text":', /a\.jsonl:2: not a JSON row/],
  [
    "a row without text",
    "a.jsonl",
    '{"text":"a"}\n\n{"body":"b","id":1}',
    /a\.jsonl:3: expected column "text", got columns "body", "id"/,
  ],
  ["a text that is no string", "a.jsonl", '{"text":5}', /a\.jsonl:1: expected a text in column "text", got 5/],
  ["a row that is no object", "a.jsonl", "5", /a\.jsonl:1: expected a JSON object on each line, got a number/],
  [
    "a truncated gzip file",
    "a.txt.gz",
    gzipSync("word ".repeat(9999)).subarray(0, 60),
    /a\.txt\.gz: the gzip file is cut off/,
  ],
  ["a gzip file that is none", "a.txt.gz", "plain text", /a\.txt\.gz: the gzip file is cut off or damaged/],
  ["a truncated Zstandard file", "a.txt.zst", ZSTD.subarray(0, 30), /a\.txt\.zst: the Zstandard file is cut off/],
  ["a Zstandard file that is none", "a.txt.zst", "plain text", /a\.txt\.zst: not a Zstandard file/],
  ["a Parquet file that is none", "a.parquet", "plain text, a little longer", /a\.parquet: not a Parquet file/],
  ["a binary file", "a.txt", bytes(500, (i) => i % 7), /a\.txt: not a text file: it holds NUL bytes/],
  [
    "a text in another encoding",
    "a.txt",
    bytes(500, (i) => (i % 3 ? 0x61 : 0xe9)),
    /a\.txt: not a text file: \d+ .* not UTF-8/,
  ],
  ["an empty file", "a.txt", "", /a\.txt: the file is empty/],
  ["a file of blank lines", "a.txt", " \n\n \n", /a\.txt: no documents/],
  ["a packed Parquet file", "a.parquet.gz", "x", /a\.parquet\.gz: a compressed Parquet file/],
])("%s is named, with its place", async (_, name, content, message) => {
  const error = await failure([join(folderWith({ [name]: content }), name)]);
  expect(error).toBeInstanceOf(FormatError);
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain("\n");
});

test("a missing file, and a folder with nothing to read, are named", async () => {
  expect((await failure(["/nowhere/a.txt"])).message).toMatch(/^\/nowhere\/a\.txt: no such file or folder/);
  const folder = folderWith({ "photo.jpg": "x" });
  expect((await failure([folder])).message).toMatch(/the folder holds nothing to read. Expected \.txt, /);
});

test("a Parquet file without a text column names the columns it has", async () => {
  const path = join(import.meta.dirname, "../../goldens/corpus-other.parquet");
  expect((await failure([path])).message).toMatch(/expected column "text", got columns "id", "body"/);
});

test("no corpus, and standard input twice, are refused", async () => {
  expect(await failure([])).toBeInstanceOf(ConfigError);
  expect((await failure(["-", "-"])).message).toMatch(/can be read once only/);
});
