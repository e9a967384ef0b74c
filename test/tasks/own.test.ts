import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ConfigError, FormatError } from "../../src/errors.js";
import { type OwnTaskOptions, ownTask } from "../../src/tasks/texts/own.js";
import { folderWith } from "../data/folders.js";
import { failureOf, parquet, textsOf } from "./layouts.js";

/** A task over these files; the first is the training set, the second is evaluated. */
function own(files: Record<string, string | Uint8Array>, options: Partial<OwnTaskOptions> = {}) {
  const folder = folderWith(files);
  const [train = "", validation = train, test] = Object.keys(files).map((name) => join(folder, name));
  return ownTask({ name: "mine", train, validation, test: test ?? null, text: ["text"], label: "label", ...options });
}

const csv = (...rows: string[]) => `text,label\n${rows.join("\n")}\n`;

describe("labels", () => {
  test("are those of the training file in natural order, as words", async () => {
    const train = csv('"one, two",10', "b,2", "c,ham", "d,Ham", "e,10");
    const data = await own({ "a.csv": train, "b.csv": csv("x,ham") });
    expect(data.task).toMatchObject({
      kind: "classification",
      labels: ["2", "10", "ham", "Ham"],
      metrics: ["accuracy"],
    });
    expect((await textsOf(data, "train")).examples[0]).toEqual({ id: "0", first: "one, two", second: null, label: 1 });
    expect((await textsOf(data, "validation")).examples[0]?.label).toBe(2);
  });

  test("may be numbers or truth values in JSON lines and Parquet", async () => {
    const train = '{"text":"a","label":true}\n{"text":"b","label":false}\n';
    const data = await own({ "a.jsonl": train, "b.csv": csv("x,true") });
    expect(data.task).toMatchObject({ labels: ["false", "true"], metrics: ["accuracy", "f1"], score: ["accuracy"] });
    expect((await textsOf(data, "validation")).examples[0]?.label).toBe(1);
    const file = parquet({ text: { type: "STRING", data: ["a", "b"] }, label: { type: "INT64", data: [7n, 3n] } });
    expect((await own({ "a.parquet": file })).task).toMatchObject({ labels: ["3", "7"] });
  });

  test("may be a model's, where nothing is trained", async () => {
    const data = await own({ "a.csv": csv("x,spam") }, { train: null, labels: ["spam", "ham"] });
    expect(data.task).toMatchObject({ labels: ["spam", "ham"] });
    expect((await textsOf(data, "validation")).examples[0]?.label).toBe(0);
    expect((await failureOf(() => textsOf(data, "train"))).message).toBe(
      "mine: no train split was given, only validation.",
    );
  });

  test("that the training file lacks are bad rows", async () => {
    const data = await own({ "a.csv": csv("a,x", "b,y"), "b.csv": csv("c,x", "d,z") });
    const { message } = await failureOf(() => textsOf(data, "validation"));
    expect(message).toMatch(/b\.csv:3: unknown label "z": expected "x", "y"\. Put it right/);
    expect(await textsOf(data, "validation", true)).toMatchObject({ skipped: 1 });
  });

  test("of bad rows, and none at all, do not count", async () => {
    const data = await own({ "a.csv": csv("a,x", "b,y", "c", "d,") });
    expect(data.task).toMatchObject({ labels: ["x", "y"] });
    expect((await failureOf(() => textsOf(data, "train"))).message).toMatch(/a\.csv:4: too few columns/);
    expect(await textsOf(data, "train", true)).toMatchObject({ skipped: 2 });
  });

  test("that are one, or as many as rows, are refused", async () => {
    const one = await failureOf(() => own({ "a.csv": csv("a,x", "b,x") }));
    expect(one.message).toMatch(/a\.csv: expected two labels or more in column "label", got 1\.$/);
    const many = await failureOf(() => own({ "a.csv": csv(...Array.from({ length: 60 }, (_, i) => `a,${i}`)) }));
    expect(many.message).toMatch(/column "label" has 60 labels in 60 rows\. .* kind "regression"\.$/);
  });
});

describe("scores", () => {
  test("are numbers of which some are not whole", async () => {
    const data = await own({ "a.csv": csv("a,1", "b,-2.5", "c,nan") });
    expect(data.task).toMatchObject({ kind: "regression", range: null, score: ["pearson", "spearman"] });
    const { message } = await failureOf(() => textsOf(data, "train"));
    expect(message).toMatch(/a\.csv:4: expected a finite number as the score, got "nan"\. Put it right/);
    expect((await textsOf(data, "train", true)).examples.map(({ label }) => label)).toEqual([1, -2.5]);
  });

  test("are whole numbers where the kind says so, and labels where it says that", async () => {
    const whole = { "a.csv": csv("a,1", "b,2") };
    expect((await own(whole)).task.kind).toBe("classification");
    expect((await own(whole, { kind: "regression" })).task.kind).toBe("regression");
    const broken = { "a.csv": csv("a,1.5", "b,2.5") };
    expect((await own(broken, { kind: "classification" })).task).toMatchObject({ labels: ["1.5", "2.5"] });
  });
});

test("two texts make a pair; columns have any names", async () => {
  const content = '{"q":"a","p":"b","y":"no","key":"k1"}\n{"q":"c","p":"d","y":"yes","key":"k2"}\n';
  const data = await own({ "a.jsonl": content }, { text: ["p", "q"], label: "y", id: "key" });
  expect(data.task).toMatchObject({ isPair: true, name: "mine", evaluationSplits: ["validation"] });
  expect((await textsOf(data, "train")).examples[1]).toEqual({ id: "k2", first: "d", second: "c", label: 1 });
});

test("a test set may hide its labels", async () => {
  const files = { "a.csv": csv("a,x", "b,y"), "b.csv": csv("c,x"), "c.csv": "text\nd\n" };
  expect((await textsOf(await own(files), "test")).examples).toMatchObject([{ first: "d", label: null }]);
});

test("a folder gives the split's own files, or its shards", async () => {
  const shard = (...labels: string[]) =>
    parquet({ text: { type: "STRING", data: labels }, label: { type: "STRING", data: labels } });
  const folder = folderWith({
    "train-00000-of-00002.parquet": shard("y"),
    "train-00001-of-00002.parquet": shard("x", "y"),
    "validation.csv": csv("a,x"),
  });
  const data = await ownTask({ name: "mine", train: folder, validation: folder, text: ["text"], label: "label" });
  expect((await textsOf(data, "train")).examples.map(({ id, first }) => [id, first])).toEqual([
    ["0", "y"],
    ["1", "x"],
    ["2", "y"],
  ]);
  expect((await textsOf(data, "validation")).examples).toHaveLength(1);
});

test.each<[string, Record<string, string>, Partial<OwnTaskOptions>, typeof ConfigError | typeof FormatError, RegExp]>([
  [
    "a column that is not there",
    { "a.csv": csv("a,x") },
    { label: "class" },
    FormatError,
    /got columns "text", "label"\.$/,
  ],
  ["a column chosen twice", { "a.csv": csv("a,x") }, { label: "text" }, ConfigError, /column "text" was chosen twice/],
  [
    "a missing file",
    { "a.csv": csv("a,x") },
    { validation: "/nowhere/b.csv" },
    FormatError,
    /^\/nowhere\/b\.csv: no such/,
  ],
  ["a file of another kind", { "a.xlsx": "x" }, {}, ConfigError, /a\.xlsx: expected a file called \.tsv, \.csv, /],
  ["nothing to take labels from", { "a.csv": csv("a,x") }, { train: null }, ConfigError, /give the labels/],
])("%s is named", async (_, files, options, kind, message) => {
  const error = await failureOf(() => own(files, options));
  expect(error).toBeInstanceOf(kind);
  expect(error.message).toMatch(message);
});

test("a duplicated id is a bad row", async () => {
  const data = await own({ "a.csv": "key,text,label\n1,a,x\n1,b,y\n" }, { id: "key" });
  expect((await failureOf(() => textsOf(data, "train"))).message).toMatch(/a\.csv:3: the id "1" was there before/);
});
