import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytesPerTokenOf, ShardReader, ShardWriter, verifyShard } from "../../src/data/shard.js";
import { FormatError } from "../../src/errors.js";
import { digestFile } from "../../src/storage/digest.js";
import { folderWith } from "./folders.js";

function write(documents: readonly number[][], bytesPerToken: 2 | 4 = 2, separatorId = 3): string {
  const path = join(folderWith(), "shard-00000.tokens");
  const writer = new ShardWriter(path, bytesPerToken, separatorId);
  for (const document of documents) writer.append(Uint32Array.from(document));
  writer.finish();
  return path;
}

function read(path: string, start: number, count: number): number[] {
  const reader = new ShardReader(path);
  const ids = new Int32Array(count);
  reader.readInto(ids, start);
  reader.close();
  return [...ids];
}

test("is a header and the documents, each followed by the separator", () => {
  expect(readFileSync(write([[0x0102], []])).toString("hex")).toBe(
    // magic, version, bytes of an id, separator | tokens, documents (64 bits) | ids
    "4c4d424b010000000200000003000000" + "03000000000000000200000000000000" + "0201" + "0300" + "0300",
  );
});

test("gives back what was written, at any place", () => {
  const ids = fc.array(fc.array(fc.integer({ min: 0, max: 65_535 }), { maxLength: 30 }), {
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(
    fc.property(ids, fc.constantFrom<2 | 4>(2, 4), fc.nat(), fc.nat(), (documents, bytesPerToken, from, length) => {
      const tokens = documents.flatMap((document) => [...document, 3]);
      const path = write(documents, bytesPerToken);
      const start = from % tokens.length;
      const count = length % (tokens.length - start + 1);
      expect(read(path, start, count)).toEqual(tokens.slice(start, start + count));
    }),
    { numRuns: 40 },
  );
});

test("holds more than its write buffer, and ids above 65,535 in four bytes", () => {
  const document = Array.from({ length: 700_000 }, (_, i) => (i * 7919) % 100_000);
  const path = write([document, [5]], 4);
  expect(read(path, 0, 700_003)).toEqual([...document, 3, 5, 3]);
  expect([bytesPerTokenOf(65_536), bytesPerTokenOf(65_537)]).toEqual([2, 4]);
});

describe("a shard that is not as it was written is refused by name:", () => {
  function damaged(change: (path: string) => void): string {
    const path = write([[5, 6, 7]]);
    change(path);
    return path;
  }
  const overwrite = (at: number, byte: number) => (path: string) => {
    const bytes = readFileSync(path);
    bytes[at] = byte;
    writeFileSync(path, bytes);
  };

  test.each([
    ["an empty file", (path: string) => truncateSync(path, 0), /expected a header of 32 bytes, got 0/],
    ["a foreign file", overwrite(0, 0x20), /expected magic 0x4b424d4c, got 0x4b424d20/],
    ["another version", overwrite(4, 9), /version 9, expected 1/],
    ["ids of an odd size", overwrite(8, 3), /ids of 3 bytes, expected 2 or 4/],
    ["a truncated one", (path: string) => truncateSync(path, 38), /truncated: expected 40 bytes, got 38/],
    ["a longer one", (path: string) => writeFileSync(path, "x", { flag: "a" }), /too long: expected 40 bytes, got 41/],
    ["a header with a huge count", overwrite(23, 0xff), /truncated: expected \d+ bytes, got 40/],
  ])("%s", (_, change, message) => {
    const path = damaged(change);
    expect(() => new ShardReader(path)).toThrow(FormatError);
    expect(() => new ShardReader(path)).toThrow(message);
    expect(() => new ShardReader(path)).toThrow(path);
  });

  test("a flipped bit, which only the SHA-256 shows", () => {
    const path = write([[5, 6, 7]]);
    const sha256 = digestFile(path, "a shard").sha256;
    expect(() => verifyShard(path, sha256)).not.toThrow();
    overwrite(34, 0x16)(path);
    expect(() => verifyShard(path, sha256)).toThrow(/corrupt: expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}/);
  });

  test("a missing one", () => {
    expect(() => new ShardReader("/nowhere/shard-00000.tokens")).toThrow(/shard-00000.tokens: .*cannot be opened/);
  });
});

test.skipIf(!existsSync("/proc/self/fd"))("files are closed again, also those that are refused (needs /proc)", () => {
  const open = () => readdirSync("/proc/self/fd").length;
  const path = write([[5, 6, 7]]);
  const before = open();
  const reader = new ShardReader(path);
  expect(open()).toBe(before + 1);
  reader.close();
  write([[5]]);
  digestFile(path, "a shard");
  const unfinished = new ShardWriter(join(folderWith(), "shard-00000.tokens"), 2, 3);
  unfinished.abandon();
  truncateSync(path, 38);
  expect(() => new ShardReader(path)).toThrow("truncated");
  expect(open()).toBe(before);
});

test("a shard that was not finished is not taken for one", () => {
  const path = join(folderWith(), "shard-00000.tokens");
  const writer = new ShardWriter(path, 2, 3);
  writer.append(Uint32Array.from({ length: 600_000 }, () => 5)); // More than the buffer: some of it is on disk.
  writer.abandon();
  expect(() => new ShardReader(path)).toThrow(/not a token shard/);
});
