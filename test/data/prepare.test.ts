import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openDataset } from "../../src/data/dataset.js";
import { type PrepareOptions, prepare } from "../../src/data/prepare.js";
import { ConfigError } from "../../src/errors.js";
import { lockDirectory } from "../../src/storage/lock.js";
import { newProcessName } from "../../src/storage/processes.js";
import { loadTokenizer } from "../../src/text/tokenizer.js";
import { contentsOf, folderWith } from "./folders.js";
import { madeUpCorpus, madeUpDocuments, tokenizerFolder } from "./made-up-text.js";

function made(documents = 200): PrepareOptions {
  const out = join(folderWith(), "dataset");
  return { corpus: [madeUpCorpus(documents)], tokenizer: tokenizerFolder(), out, workers: 0, shardTokens: 3000 };
}

/** The documents of a split as ids, without their separators. */
function documentsOf(folder: string, split: "train" | "heldout", separator: number): string[] {
  const dataset = openDataset(folder);
  const stream = dataset.split(split);
  const ids = [...stream.read(0, stream.tokenCount)];
  dataset.close();
  return ids
    .join(" ")
    .split(new RegExp(`(?:^| )${separator}(?: |$)`))
    .slice(0, -1);
}

describe("a prepared corpus", () => {
  test("holds every document once, as the tokenizer encodes it, in the order of the corpus", async () => {
    const options = { ...made(), heldOutTokens: 800 };
    const { splits } = await prepare(options);
    const tokenizer = await loadTokenizer(options.tokenizer);
    const expected = (await tokenizer.encodeIds(madeUpDocuments(200))).map((ids) => ids.join(" "));
    const train = documentsOf(options.out, "train", tokenizer.ids.sep);
    const heldout = documentsOf(options.out, "heldout", tokenizer.ids.sep);
    expect([...train, ...heldout].sort()).toEqual(expected.toSorted());
    expect(heldout).toEqual(expected.filter((document) => heldout.includes(document)));
    expect([splits.train.documents, splits.heldout.documents]).toEqual([train.length, heldout.length]);
    expect(splits.train.shards.length).toBeGreaterThan(3);
  });

  test("counts tokens, unknowns and the frequencies of the training split", async () => {
    const options = made();
    const manifest = await prepare(options);
    const { ids } = await loadTokenizer(options.tokenizer);
    const dataset = openDataset(options.out);
    const counts = new Float64Array(manifest.tokenizer.vocabSize);
    const train = dataset.split("train");
    for (const id of train.read(0, train.tokenCount)) counts[id] = (counts[id] ?? 0) + 1;
    expect(dataset.tokenCounts).toEqual(counts);
    const heldout = dataset.split("heldout");
    const unknowns = heldout.read(0, heldout.tokenCount).filter((id) => id === ids.unk).length;
    expect(manifest.unknowns).toBe((counts[ids.unk] ?? 0) + unknowns);
    expect(manifest.tokens).toBe(train.tokenCount + heldout.tokenCount);
    expect(manifest.documents).toBe(200);
    dataset.close();
  });

  test("is the same whatever the number of workers", async () => {
    const options = made();
    await prepare(options);
    for (const workers of [1, 3]) {
      const out = join(folderWith(), "dataset");
      await prepare({ ...options, out, workers });
      expect(contentsOf(out)).toEqual(contentsOf(options.out));
    }
  });

  test("carries its tokenizer", async () => {
    const options = made(5);
    const manifest = await prepare(options);
    const copy = await loadTokenizer(openDataset(options.out).tokenizerFolder);
    expect(copy.hash).toBe(manifest.tokenizer.hash);
  });

  test("has one document held out of two, and none of one", async () => {
    expect((await prepare(made(2))).splits).toMatchObject({ train: { documents: 1 }, heldout: { documents: 1 } });
    expect((await prepare(made(1))).splits).toMatchObject({ train: { documents: 1 }, heldout: { documents: 0 } });
    expect((await prepare({ ...made(9), heldOut: 0 })).splits.heldout.documents).toBe(0);
  });

  test("leaves out special tokens that are spelled out in the text", async () => {
    const corpus = [join(folderWith({ "a.txt": "the [SEP] river[MASK]s [PAD]\n\n[CLS]\n\nstone" }), "a.txt")];
    const manifest = await prepare({ ...made(), corpus, heldOut: 0 });
    expect([manifest.documents, manifest.tokens]).toEqual([2, 3 + 1 + 1 + 1]); // the river ##s, stone, two separators.
  });

  test("reports its progress", async () => {
    const seen: number[] = [];
    const options = made();
    const manifest = await prepare({ ...options, onProgress: ({ tokens }) => seen.push(tokens) });
    expect(seen.at(-1)).toBe(manifest.tokens);
  });
});

describe("an interrupted preparation", () => {
  test("stops when it is told to, goes on, and yields the same bytes", async () => {
    const options = { ...made(3000), shardTokens: 20_000 };
    await prepare(options);
    const out = join(folderWith(), "dataset");
    const stopping = new AbortController();
    const stop = () => {
      if (existsSync(join(out, "shard-00001.tokens"))) stopping.abort(new Error("enough"));
    };
    await expect(prepare({ ...options, out, onProgress: stop, signal: stopping.signal })).rejects.toThrow("enough");
    expect(() => openDataset(out)).toThrow(/the dataset is not finished. Run the same "limbeck prepare" again/);
    await prepare({ ...options, out });
    expect(contentsOf(out)).toEqual(contentsOf(options.out));
  });

  test("is finished at once when nothing is missing", async () => {
    const options = made();
    const before = await prepare(options);
    const contents = contentsOf(options.out);
    expect(await prepare(options)).toEqual(before);
    expect(contentsOf(options.out)).toEqual(contents);
  });
});

describe("is refused, and nothing is touched:", () => {
  async function refusal(options: PrepareOptions): Promise<Error> {
    const before = existsSync(options.out) ? contentsOf(options.out) : null;
    const error: unknown = await prepare(options).then(
      () => null,
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(ConfigError);
    if (before !== null) expect(contentsOf(options.out)).toEqual(before);
    expect((error as Error).message).not.toContain("\n");
    return error as Error;
  }

  test("a folder that holds something else", async () => {
    const options = made(3);
    const folder = folderWith({ "thesis.doc": "x" });
    expect((await refusal({ ...options, out: folder })).message).toMatch(
      /but it holds "thesis.doc". Choose another folder/,
    );
    const model = folderWith({ "tokenizer/vocab.txt": "x" });
    expect((await refusal({ ...options, out: model })).message).toMatch(/but it holds "tokenizer"/);
    const file = join(folderWith({ a: "x" }), "a");
    await expect(prepare({ ...options, out: file })).rejects.toThrow(/expected a new or empty folder, got a file/);
  });

  test("a dataset of another corpus, tokenizer or options", async () => {
    const options = made(20);
    await prepare(options);
    const corpus = [madeUpCorpus(21)];
    expect((await refusal({ ...options, corpus })).message).toMatch(
      /begun with another corpus: expected .* got .*21|corpus/,
    );
    expect((await refusal({ ...options, shardTokens: 5 })).message).toMatch(
      /another shardTokens: expected 3000, got 5/,
    );
    const other = folderWith({ "vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n" });
    expect((await refusal({ ...options, tokenizer: other })).message).toMatch(/begun with another tokenizer/);
  });

  test("a folder within the corpus", async () => {
    const folder = folderWith({ "a.txt": "the river" });
    const options = { ...made(3), corpus: [folder], out: join(folder, "dataset") };
    expect((await refusal(options)).message).toMatch(/lies in the corpus/);
  });

  test("another preparation at work", async () => {
    const options = made(20);
    mkdirSync(options.out);
    using _lock = lockDirectory(options.out);
    expect((await refusal(options)).message).toMatch(
      /expected a directory nobody uses, got one in use by this process/,
    );
  });

  test.each([
    [{ heldOut: 1 }, /heldOut must be a share in \[0, 1\), got 1/],
    [{ shardTokens: 0 }, /shardTokens must be a whole number of at least 1, got 0/],
    [{ workers: -1 }, /workers must be a whole number of at least 0, got -1/],
  ])("%o", async (wrong, message) => {
    expect((await refusal({ ...made(3), ...wrong })).message).toMatch(message);
  });
});

test("a lock whose process was killed is taken over, and what it was writing is tidied away", async () => {
  const options = made(20);
  mkdirSync(options.out);
  const dead = newProcessName().replace(/^\d+/, "4194999"); // Above the largest process number of Linux.
  writeFileSync(join(options.out, `.lock.${dead}`), "");
  writeFileSync(join(options.out, `.progress.json.tmp-${dead}`), "{");
  await prepare(options);
  expect(readdirSync(options.out).filter((name) => name.startsWith("."))).toEqual([]);
});

test("a corpus of nothing but dropped characters is refused", async () => {
  const corpus = [join(folderWith({ "a.txt": "\u200b\n" }), "a.txt")];
  await expect(prepare({ ...made(), corpus })).rejects.toThrow(/the corpus has no tokens/);
});
