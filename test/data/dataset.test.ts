import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openDataset } from "../../src/data/dataset.js";
import { prepare } from "../../src/data/prepare.js";
import { FormatError } from "../../src/errors.js";
import { folderWith } from "./folders.js";
import { madeUpCorpus, tokenizerFolder } from "./made-up-text.js";

/** A dataset of several shards, whose files tests may change. */
async function makeDataset(): Promise<string> {
  const out = join(folderWith(), "dataset");
  await prepare({ corpus: [madeUpCorpus(100)], tokenizer: tokenizerFolder(), out, workers: 0, shardTokens: 2000 });
  return out;
}

test("reads any stretch of the stream, over the bounds of shards", async () => {
  const folder = await makeDataset();
  const dataset = openDataset(folder);
  const stream = dataset.split("train");
  expect(dataset.manifest.splits.train.shards.length).toBeGreaterThan(2);
  const whole = stream.read(0, stream.tokenCount);
  const shards = dataset.manifest.splits.train.shards.map(({ file }) => readFileSync(join(folder, file)).subarray(32));
  expect(Buffer.from(Uint16Array.from(whole).buffer)).toEqual(Buffer.concat(shards));
  fc.assert(
    fc.property(fc.nat(stream.tokenCount), fc.nat(5000), (start, length) => {
      const count = Math.min(length, stream.tokenCount - start);
      expect(stream.read(start, count)).toEqual(whole.slice(start, start + count));
    }),
  );
  for (const [start, count] of [
    [-1, 1],
    [0, stream.tokenCount + 1],
    [stream.tokenCount, 1],
  ] as const) {
    expect(() => stream.read(start, count)).toThrow(RangeError);
  }
  dataset.close();
});

describe("a damaged dataset is refused, by the file that is wrong:", () => {
  async function damaged(change: (folder: string) => void): Promise<string> {
    const folder = await makeDataset();
    change(folder);
    return folder;
  }
  const edit = (name: string, from: string | RegExp, to: string) => (folder: string) =>
    writeFileSync(join(folder, name), readFileSync(join(folder, name), "utf8").replace(from, to));
  const other = (folder: string) => {
    const shards = readdirSync(folder).filter((name) => name.startsWith("shard"));
    cpSync(join(folder, shards[1] ?? ""), join(folder, shards[0] ?? ""));
  };

  test.each<[string, (folder: string) => void, RegExp]>([
    ["no folder", (folder) => rmSync(folder, { recursive: true }), /no such folder. Expected a dataset/],
    ["no dataset.json", (folder) => rmSync(join(folder, "dataset.json")), /it holds no dataset.json/],
    [
      "a truncated dataset.json",
      (folder) => truncateSync(join(folder, "dataset.json"), 50),
      /dataset.json: expected a dataset's description, got text that is not JSON .* Make the dataset again/,
    ],
    ["another version", edit("dataset.json", '"version": 1', '"version": 2'), /dataset.json: version: /],
    ["an unknown key", edit("dataset.json", "{", '{"colour": 1,'), /dataset.json: .*[Uu]nrecognized key.*colour/],
    ["a path out of the folder", edit("dataset.json", "shard-00000", "../shard-00000"), /expected the name of a shard/],
    [
      "a missing shard",
      (folder) => rmSync(join(folder, "shard-00001.tokens")),
      /shard-00001.tokens: .* cannot be opened/,
    ],
    [
      "a truncated shard",
      (folder) => truncateSync(join(folder, "shard-00001.tokens"), 99),
      /shard-00001.tokens: .* truncated/,
    ],
    ["a shard in the wrong place", other, /shard-00000.tokens: the token shard belongs to another dataset/],
    [
      "no frequencies",
      (folder) => rmSync(join(folder, "frequencies.json")),
      /frequencies.json: expected a dataset's token counts, got nothing there\. Make the dataset again/,
    ],
    ["changed frequencies", edit("frequencies.json", "[0,", "[1,"), /frequencies.json: .*SHA-256/],
  ])("%s", async (_, change, message) => {
    const folder = await damaged(change);
    expect(() => openDataset(folder)).toThrow(FormatError);
    expect(() => openDataset(folder)).toThrow(message);
  });

  test("a changed token, which verify finds", async () => {
    const folder = await damaged((made) => {
      const path = join(made, "shard-00001.tokens");
      const bytes = readFileSync(path);
      bytes[40] = (bytes[40] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    });
    const dataset = openDataset(folder);
    expect(() => dataset.verify()).toThrow(/shard-00001.tokens: the token shard is corrupt: expected SHA-256/);
    dataset.close();
  });

  test("an unharmed one passes", async () => {
    const dataset = openDataset(await makeDataset());
    expect(() => dataset.verify()).not.toThrow();
    dataset.close();
  });
});
