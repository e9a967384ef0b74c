import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { liveTensors } from "../../../src/engine/tensor/scope.js";
import { ConfigError, FormatError } from "../../../src/errors.js";
import { openEncoder, openShape, readsPieces, SHAPE_NAMES } from "../../../src/experiments/measure/measure-subjects.js";
import { madeUpStsPairs, readStsPairs } from "../../../src/experiments/measure/pairs.js";
import type { Tokenizer } from "../../../src/text/tokenizer.js";
import { goldenNames } from "../../models/golden.js";
import { smallTokenizer } from "../../models/small-tokenizer.js";

const folder = mkdtempSync(join(tmpdir(), "limbeck-measure-"));
const float32 = { precision: "float32" } as const;
const golden = (name: string) => fileURLToPath(new URL(`../../goldens/models/${name}`, import.meta.url));
let tokenizer: Tokenizer;

/** A golden's model with a tokenizer: its 57 tokens fit the 61 that are embedded. */
function modelFolder(name: string): string {
  const path = join(folder, name);
  cpSync(golden(name), path, { recursive: true });
  cpSync(join(folder, "tokenizer", "vocab.txt"), join(path, "vocab.txt"));
  return path;
}

beforeAll(async () => {
  tokenizer = await smallTokenizer(join(folder, "tokenizer"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const PAIRS = [
  { first: "ab", second: "c d" },
  { first: "abc", second: "" },
  { first: "a".repeat(30), second: "b".repeat(30) },
];

describe("a model", () => {
  test.each(goldenNames)("is read whatever its head, and frees what it made: %s", async (name) => {
    const before = liveTensors();
    {
      using subject = await openEncoder(modelFolder(name), name, float32);
      const held = liveTensors();
      expect(held).toBeGreaterThan(before);
      const reader = await subject.read(PAIRS);
      for (const pair of PAIRS.keys()) reader.pass(pair);
      expect(liveTensors()).toBe(held);
      expect(subject).toMatchObject({ name, kind: "model", hasPooler: name === "bert", paper: null });
      expect(subject.fileBytes).toBe(statSync(join(golden(name), "model.safetensors")).size);
    }
    expect(liveTensors()).toBe(before);
  });

  test("has its pooler counted where it has one", async () => {
    using bert = await openEncoder(modelFolder("bert"), "bert", float32);
    // Words, positions and 3 types of 16, a norm; 2 layers of attention, its norm, 16 × 24 up and down, a norm; the pooler.
    const embeddings = (61 + 24 + 3) * 16 + 2 * 16;
    const layer = 4 * (16 * 16 + 16) + 2 * 16 + (16 * 24 + 24) + (24 * 16 + 16) + 2 * 16;
    expect(bert.parameters).toBe(embeddings + 2 * layer + 16 * 16 + 16);
  });

  test("reads [CLS] first [SEP] second [SEP], cut to its 24 positions", async () => {
    using subject = await openEncoder(modelFolder("distilbert"), "distilbert", float32);
    const { lengths, cutPairs } = await subject.read(PAIRS);
    expect(lengths).toEqual([2 + 2 + 3, 3 + 0 + 3, 10 + 11 + 3]);
    expect(cutPairs).toBe(1);
  });

  test("runs with bfloat16 products", async () => {
    using subject = await openEncoder(modelFolder("bert-mlm"), "bert-mlm", { precision: "bfloat16" });
    const before = liveTensors();
    (await subject.read(PAIRS)).pass(0);
    expect(liveTensors()).toBe(before);
  });

  test("without a tokenizer is refused", async () => {
    await expect(openEncoder(golden("bert"), "bert", float32)).rejects.toThrow(/no tokenizer here/);
  });

  test("that embeds fewer tokens than its tokenizer has is refused", async () => {
    const path = modelFolder("bert-mlm-gelu-new");
    const tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...Array.from({ length: 57 }, (_, i) => `w${i}`)];
    writeFileSync(join(path, "vocab.txt"), `${tokens.join("\n")}\n`);
    await expect(openEncoder(path, "m", float32)).rejects.toThrow(
      /the tokenizer has 62 tokens, the model embeds only 61/,
    );
  });
});

describe("a shape", () => {
  test("without weights has the published parameters, and the paper's numbers", () => {
    const before = liveTensors();
    const found = SHAPE_NAMES.map((name) => {
      using shape = openShape(name, { tokenizer, ...float32 });
      return [name, shape.parameters, shape.fileBytes, shape.paper?.seconds];
    });
    expect(found).toEqual([
      ["bert-base", 109_482_240, null, 668],
      ["distilbert-base", 66_362_880, null, 410],
      ["elmo", 93_600_868, null, 895],
    ]);
    expect(liveTensors()).toBe(before);
  });

  test("ELMo reads words and the two marks of each sentence", async () => {
    using elmo = openShape("elmo", { tokenizer: null, ...float32 });
    const reader = await elmo.read([{ first: "It rains.", second: "Now" }]);
    expect(reader.lengths).toEqual([3 + 2 + 1 + 2]);
    const before = liveTensors();
    reader.pass(0);
    expect(liveTensors()).toBe(before);
    expect(SHAPE_NAMES.filter((name) => !readsPieces(name))).toEqual(["elmo"]);
  });

  test("that nobody knows is refused with the known ones", () => {
    expect(() => readsPieces("bert-bas")).toThrow(
      new ConfigError('shapes: expected bert-base, distilbert-base, elmo; got "bert-bas". Did you mean bert-base?'),
    );
    expect(() => openShape("toString", { tokenizer, ...float32 })).toThrow(/shapes: expected bert-base/);
  });
});

describe("STS-B's pairs", () => {
  const rows = ["index\tgenre\tsentence2\tsentence1\tscore", '0\tx\t"A cat" sat.\tA cat.\t3.5', "1\tx\tYes\tNo\t0.0"];
  const dataFolder = (name: string, content: readonly string[]) => {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, "dev.tsv"), `${content.join("\n")}\n`);
    return join(folder, name);
  };
  const expected = [
    { first: "A cat.", second: '"A cat" sat.' },
    { first: "No", second: "Yes" },
  ];

  test("are read by the columns' names, from its folder or GLUE's", async () => {
    const own = dataFolder("glue/STS-B", rows);
    expect(await readStsPairs(own)).toEqual({ source: "STS-B", path: own, pairs: expected });
    expect((await readStsPairs(join(folder, "glue"))).pairs).toEqual(expected);
  });

  test("are refused where they are not, or are none", async () => {
    mkdirSync(join(folder, "empty"));
    await expect(readStsPairs(join(folder, "empty"))).rejects.toThrow(FormatError);
    await expect(readStsPairs(dataFolder("headless", rows.slice(0, 1)))).rejects.toThrow(FormatError);
    await expect(readStsPairs(dataFolder("short", [...rows, "2\tx\tonly"]))).rejects.toThrow(/dev\.tsv/);
  });

  test("are 1,500 where they are made up", () => {
    expect(madeUpStsPairs()).toMatchObject({ source: "made up", path: null, pairs: { length: 1500 } });
  });
});
