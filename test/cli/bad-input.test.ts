import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contentsOf } from "../data/folders.js";
import { limbeck } from "./limbeck.js";
import { makeWorkshop, TINY, type Workshop } from "./workshop.js";

let shop: Workshop;
beforeAll(async () => {
  shop = await makeWorkshop();
});
afterAll(() => shop[Symbol.dispose]());

/** A new folder, with these files. */
function folderOf(files: Record<string, string | Uint8Array>): string {
  const folder = shop.newFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

function changeJson(path: string, changes: object): void {
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...changes }));
}

/** Rewrites a safetensors header, and nothing behind it. */
function changeHeader(path: string, change: (header: string) => string): void {
  const bytes = readFileSync(path);
  const end = 8 + Number(bytes.readBigUInt64LE(0));
  const header = Buffer.from(change(bytes.toString("utf8", 8, end)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(path, Buffer.concat([length, header, bytes.subarray(end)]));
}

/** Runs a command that must fail in one line, touching nothing; returns the line. */
async function refusal(args: readonly string[], kept: readonly string[] = []): Promise<string> {
  const before = kept.map(contentsOf);
  const { status, stdout, stderr } = await limbeck(args, { cwd: shop.newFolder() });
  expect(stderr).toMatch(/^limbeck: .+\n$/); // "." matches no newline: one line.
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(kept.map(contentsOf)).toEqual(before);
  return stderr;
}

type Case = [what: string, arrange: () => string[], message: RegExp];

describe("prepare refuses", () => {
  const on = (file: string, content: string | Uint8Array) => (): string[] => [
    "prepare",
    join(folderOf({ [file]: content }), file),
    ...["--tokenizer", shop.tokenizer, "--out", "data", "--workers", "0"],
  ];
  const withTokenizer = (files: Record<string, string>) => (): string[] => [
    ...["prepare", shop.corpus, "--out", "data", "--tokenizer", folderOf(files)],
  ];
  test.concurrent.each<Case>([
    [
      "a missing text",
      () => ["prepare", "no.txt", "--tokenizer", shop.tokenizer, "--out", "data"],
      /no\.txt: no such file/,
    ],
    ["an empty text", on("a.txt", ""), /a\.txt: the file is empty/],
    ["a truncated text", on("a.txt.gz", gzipSync("word ".repeat(9999)).subarray(0, 60)), /a\.txt\.gz: .*cut off/],
    ["a foreign text", on("a.txt", new Uint8Array(500)), /a\.txt: not a text file/],
    ["a foreign Parquet file", on("a.parquet", "plain text, a little longer"), /a\.parquet: not a Parquet file/],
    [
      "a missing tokenizer",
      () => ["prepare", shop.corpus, "--tokenizer", "none", "--out", "data"],
      /none: cannot be read/,
    ],
    ["an empty tokenizer", withTokenizer({ "tokenizer.json": "" }), /tokenizer\.json: /],
    ["a truncated tokenizer", withTokenizer({ "tokenizer.json": '{"model": {"type": "Word' }), /tokenizer\.json: /],
    ["a foreign tokenizer", withTokenizer({ "tokenizer.json": '{"model": {"type": "BPE"}}' }), /tokenizer\.json: /],
    ["a folder without a tokenizer", withTokenizer({ "a.txt": "a" }), /no tokenizer here/],
    [
      "an option that is no number",
      () => ["prepare", "a", "--tokenizer", "t", "--out", "o", "--workers", "many"],
      /many/,
    ],
    [
      "a share of one",
      () => ["prepare", "a", "--tokenizer", "t", "--out", "o", "--held-out", "1"],
      /--held-out.*in \[0, 1\)/,
    ],
  ])("%s", async (_, arrange, message) => {
    expect(await refusal(arrange())).toMatch(message);
  });

  test("a folder that holds something else, which stays", async () => {
    const out = folderOf({ "thesis.txt": "years of work" });
    const line = await refusal(["prepare", shop.corpus, "--tokenizer", shop.tokenizer, "--out", out], [out]);
    expect(line).toMatch(/holds "thesis\.txt"/);
  });
});

describe("tokenizer refuses", () => {
  test("a folder that holds something else, which stays", async () => {
    const out = folderOf({ "thesis.txt": "years of work" });
    const line = await refusal(["tokenizer", shop.corpus, "--vocab-size", "90", "--out", out], [out]);
    expect(line).toMatch(/one that holds "thesis\.txt"/);
  });

  test("a vocabulary too small for the alphabet", async () => {
    expect(await refusal(["tokenizer", shop.corpus, "--vocab-size", "9", "--out", "t", "-q"])).toMatch(
      /vocabulary of 9 pieces is too small/,
    );
  });
});

describe("distill refuses", () => {
  const distill = (given: {
    teacher?: string;
    data?: string;
    out?: string;
    more?: string[];
    set?: string[];
  }): string[] => [
    ...["distill", "--teacher", given.teacher ?? shop.teacher, "--data", given.data ?? shop.data],
    ...["--out", given.out ?? "run", ...(given.more ?? []), "--set", ...TINY, "studentLayers=1", "steps=2"],
    ...(given.set ?? []),
  ];
  const damagedTeacher = (damage: (folder: string) => void) => (): string[] => {
    const teacher = shop.newFolder(shop.teacher);
    damage(teacher);
    return distill({ teacher });
  };
  const damagedData = (damage: (folder: string) => void) => (): string[] => {
    const data = shop.newFolder(shop.data);
    damage(data);
    return distill({ data });
  };
  const weights = "model.safetensors";
  const shard = "shard-00000.tokens";

  test.concurrent.each<Case>([
    ["a missing dataset", () => distill({ data: "none" }), /none: no such folder.*limbeck prepare/],
    ["a dataset that was not finished", damagedData((folder) => rmSync(join(folder, "dataset.json"))), /dataset\.json/],
    [
      "a foreign manifest",
      damagedData((folder) => writeFileSync(join(folder, "dataset.json"), "{}")),
      /dataset\.json: /,
    ],
    ["a missing shard", damagedData((folder) => rmSync(join(folder, shard))), /shard-00000\.tokens: /],
    ["an empty shard", damagedData((folder) => writeFileSync(join(folder, shard), "")), /shard-00000\.tokens: /],
    ["a truncated shard", damagedData((folder) => truncateSync(join(folder, shard), 60)), /shard-00000\.tokens: /],
    [
      "a foreign shard",
      damagedData((folder) => writeFileSync(join(folder, shard), "x".repeat(9000))),
      /shard-00000\.tokens: /,
    ],
    ["a missing teacher", () => distill({ teacher: "no/such/folder" }), /no\/such\/folder: expected a model folder/],
    ["a teacher without weights", damagedTeacher((folder) => rmSync(join(folder, weights))), /model\.safetensors/],
    ["empty weights", damagedTeacher((folder) => writeFileSync(join(folder, weights), "")), /model\.safetensors: /],
    [
      "truncated weights",
      damagedTeacher((folder) => truncateSync(join(folder, weights), 2000)),
      /model\.safetensors: /,
    ],
    [
      "foreign weights",
      damagedTeacher((folder) => writeFileSync(join(folder, weights), "PK".repeat(99))),
      /model\.safetensors: /,
    ],
    [
      "weights whose header lies about an offset",
      damagedTeacher((folder) => changeHeader(join(folder, weights), (text) => text.replace(/(\d+)\]\}/, "9$1]}"))),
      /model\.safetensors: /,
    ],
    [
      "weights whose header lies about its size",
      damagedTeacher((folder) => {
        const path = join(folder, weights);
        const bytes = readFileSync(path);
        bytes.writeBigUInt64LE(1n << 60n, 0);
        writeFileSync(path, bytes);
      }),
      /model\.safetensors: /,
    ],
    ["a missing config", damagedTeacher((folder) => rmSync(join(folder, "config.json"))), /config\.json/],
    [
      "an empty config",
      damagedTeacher((folder) => writeFileSync(join(folder, "config.json"), "")),
      /config\.json: .*empty/,
    ],
    [
      "a truncated config",
      damagedTeacher((folder) => writeFileSync(join(folder, "config.json"), '{"model')),
      /config\.json: /,
    ],
    [
      "a foreign config",
      damagedTeacher((folder) => writeFileSync(join(folder, "config.json"), "[1]")),
      /config\.json: /,
    ],
    [
      "a config of another kind of model",
      damagedTeacher((folder) => changeJson(join(folder, "config.json"), { model_type: "gpt2" })),
      /config\.json: .*gpt2/,
    ],
    [
      "a config that does not fit the weights",
      damagedTeacher((folder) => changeJson(join(folder, "config.json"), { hidden_size: 32 })),
      /word_embeddings\.weight: expected \[\d+, 32\].*got \[\d+, 16\]/,
    ],
    [
      "a teacher without a tokenizer",
      damagedTeacher((folder) => {
        rmSync(join(folder, "tokenizer.json"));
        rmSync(join(folder, "vocab.txt"));
      }),
      /no tokenizer here/,
    ],
    ["a recipe nobody knows", () => distill({ more: ["--recipe", "nanno"] }), /recipe: expected .*nano.*got nanno/],
    ["a recipe to pretrain", () => distill({ more: ["--recipe", "tiny-teacher"] }), /to distill, got one to pretrain/],
    ["a missing recipe file", () => distill({ more: ["--recipe", "my.json"] }), /my\.json: expected a recipe/],
    ["an unknown recipe key", () => distill({ set: ["temprature=3"] }), /"temprature". Did you mean temperature\?/],
    ["a recipe value of the wrong kind", () => distill({ set: ["temperature=warm"] }), /temperature: .*"warm"/],
    ["a recipe value out of range", () => distill({ set: ["maskShare=1.5"] }), /maskShare: .*1\.5/],
    ["steps and epochs at once", () => distill({ set: ["epochs=1"] }), /expected exactly one of them/],
    ["a setting without a value", () => distill({ set: ["seed"] }), /--set.*seed.*key=value/],
    [
      "a sequence above the position table",
      () => distill({ set: ["sequenceLength=64"] }),
      /sequenceLength: .* 32 .*got 64/,
    ],
    [
      "more layers than the teacher has",
      () => distill({ set: ["studentLayers=3"] }),
      /studentLayers: .*2 layers, got 3/,
    ],
    ["layers the teacher does not have", () => distill({ set: ["teacherLayers=[7]"] }), /teacherLayers: .*got 7/],
    ["a device that is not there", () => distill({ more: ["--device", "cuda:9"] }), /device: .*got cuda:9/],
    ["a device nobody knows", () => distill({ more: ["--device", "tpu"] }), /device: .*got tpu/],
    ["no dataset at all", () => ["distill", "--teacher", shop.teacher, "--out", "run"], /data: expected a dataset/],
  ])("%s", async (_, arrange, message) => {
    expect(await refusal(arrange())).toMatch(message);
  });

  test("an unknown key in a recipe file", async () => {
    const { stdout } = await limbeck(["recipes", "nano", "--json"]);
    const file = join(folderOf({ "mine.json": JSON.stringify({ ...JSON.parse(stdout), temprature: 3 }) }), "mine.json");
    expect(await refusal(distill({ more: ["--recipe", file] }))).toMatch(/mine\.json: unknown recipe key temprature/);
  });

  test("a dataset of another vocabulary than the teacher's", async () => {
    const folder = shop.newFolder();
    const [tokenizer, data] = [join(folder, "tokenizer"), join(folder, "data")];
    await limbeck(["tokenizer", shop.corpus, "--vocab-size", "80", "--out", tokenizer, "-q"]);
    await limbeck(["prepare", shop.corpus, "--tokenizer", tokenizer, "--out", data, "--held-out", "0.1", "-q"]);
    expect(await refusal(distill({ data }))).toMatch(
      /another tokenizer \(80 tokens.*than that of .*teacher\/model \(.*Prepare the corpus again/,
    );
  });

  test("a folder that holds something else, which stays", async () => {
    const out = folderOf({ "thesis.txt": "years of work" });
    expect(await refusal(distill({ out }), [out])).toMatch(/got one with "thesis\.txt"/);
  });

  test("a folder that holds a run, which stays", async () => {
    const out = join(shop.folder, "teacher");
    expect(await refusal(distill({ out }), [out])).toMatch(/got a run. Resume it with --resume/);
  });

  test("a place where nothing can be written", async () => {
    expect(await refusal(distill({ out: join(shop.corpus, "run") }))).toMatch(/corpus\.txt\/run: /);
  });
});
