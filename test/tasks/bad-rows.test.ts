import { describe, expect, test } from "vitest";
import { ConfigError, FormatError } from "../../src/errors.js";
import type { Split } from "../../src/kinds/task.js";
import { findGlueTasks, openTask } from "../../src/tasks/open.js";
import { folderWith } from "../data/folders.js";
import { failureOf, HUB, parquet, textsOf, tsv } from "./layouts.js";

const GOOD_RTE = ["7", "good", "row", "entailment"];
const rte = (...rows: string[][]) => tsv(["index", "sentence1", "sentence2", "label"], GOOD_RTE, ...rows);
const stsb = (score: string) =>
  tsv(["index", "sentence1", "sentence2", "score"], ["7", "a", "b", "1"], ["8", "a", "b", score]);

describe("a bad row is named with its file and line, and counted when bad rows are skipped", () => {
  test.each<[string, string, string, string | Buffer, RegExp]>([
    [
      "too few columns",
      "rte",
      "RTE/train.tsv",
      rte(["8", "a"]),
      /RTE\/train\.tsv:3: too few columns: expected 4, got 2/,
    ],
    [
      "too few columns in CoLA, which names none",
      "cola",
      "CoLA/train.tsv",
      "gj04\t1\t\tgood\ngj04\t1\n",
      /CoLA\/train\.tsv:2: too few columns: expected 4, got 2/,
    ],
    [
      "an unknown label",
      "rte",
      "RTE/train.tsv",
      rte(["8", "a", "b", "neutral"]),
      /train\.tsv:3: unknown label "neutral": expected "entailment", "not_entailment"\. Put it right/,
    ],
    [
      "an index where words are written",
      "rte",
      "RTE/train.tsv",
      rte(["8", "a", "b", "1"]),
      /train\.tsv:3: unknown label "1"/,
    ],
    ["a hidden label outside the test set", "rte", "RTE/train.tsv", rte(["8", "a", "b", ""]), /:3: unknown label ""/],
    [
      "a NaN score",
      "stsb",
      "STS-B/train.tsv",
      stsb("nan"),
      /:3: expected a number from 0 to 5 as the score, got "nan"/,
    ],
    ["a score that is not there", "stsb", "STS-B/train.tsv", stsb(""), /:3: expected a number from 0 to 5/],
    ["a score out of range", "stsb", "STS-B/train.tsv", stsb("5.01"), /:3: expected a number from 0 to 5.*"5\.01"/],
    [
      "an empty text",
      "rte",
      "RTE/train.tsv",
      rte(["8", "a", " ", "entailment"]),
      /train\.tsv:3: the text in column "sentence2" is empty/,
    ],
    [
      "a duplicated id",
      "rte",
      "RTE/train.tsv",
      rte(["7", "a", "b", "entailment"]),
      /train\.tsv:3: the id "7" was there before/,
    ],
    [
      "a row that is not UTF-8",
      "rte",
      "RTE/train.tsv",
      Buffer.from(rte(["8", "\xe9", "b", "entailment"]), "latin1"),
      /train\.tsv:3: the row is not UTF-8/,
    ],
  ])("%s", async (_, task, file, content, message) => {
    const data = openTask(task, folderWith({ [file]: content }));
    const error = await failureOf(() => textsOf(data, "train"));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/[^\n]+\. Put it right, or pass --skip-bad-rows\.$/);
    expect(error.message).not.toContain("\n");
    const { examples, skipped } = await textsOf(data, "train", true);
    expect([examples.length, skipped]).toEqual([1, 1]);
  });

  test("in Parquet, by the number of the row", async () => {
    const file = parquet({
      sentence: { type: "STRING", data: ["good", "bad", null] },
      label: { type: "INT64", data: [1n, 2n, 0n] },
      idx: { type: "INT32", data: [0, 1, 2] },
    });
    const data = openTask("sst2", folderWith({ "sst2/train-00000-of-00001.parquet": file }));
    const { message } = await failureOf(() => textsOf(data, "train"));
    expect(message).toMatch(/train-00000-of-00001\.parquet, row 2: unknown label 2: expected 0 to 1/);
    expect(await textsOf(data, "train", true)).toMatchObject({ examples: [{ id: "0" }], skipped: 2 });
  });

  test("whatever is skipped, a row keeps its number", async () => {
    const sst = tsv(["sentence", "label"], ["a", "1"], ["", "1"], ["b", "0"]);
    const data = openTask("sst2", folderWith({ "train.tsv": sst }));
    const { examples } = await textsOf(data, "train", true);
    expect(examples.map(({ id }) => id)).toEqual(["0", "2"]);
  });

  test("a skipped row leaves its id to a later one", async () => {
    const data = openTask(
      "rte",
      folderWith({ "train.tsv": rte(["8", "", "b", "entailment"], ["8", "a", "b", "entailment"]) }),
    );
    expect(await textsOf(data, "train", true)).toMatchObject({ examples: [{ id: "7" }, { id: "8" }], skipped: 1 });
  });
});

test("where all rows are bad there is nothing to skip to", async () => {
  const content = tsv(["sentence", "label"], ["a", "x"], ["b", "y"]);
  const data = openTask("sst2", folderWith({ "train.tsv": content }));
  const { message } = await failureOf(() => textsOf(data, "train", true));
  expect(message).toMatch(/train\.tsv: all 2 rows are bad; the first is .*train\.tsv:2: unknown label "x"/);
});

test("a file with columns and no rows is refused", async () => {
  const data = openTask("sst2", folderWith({ "train.tsv": "sentence\tlabel\n" }));
  expect((await failureOf(() => textsOf(data, "train"))).message).toMatch(/train\.tsv: it has no rows/);
});

test("a missing column is the file's, and is not skipped", async () => {
  const data = openTask("qnli", folderWith({ "train.tsv": rte() }));
  const { message } = await failureOf(() => textsOf(data, "train", true));
  expect(message).toMatch(/train\.tsv: expected columns "question", "sentence", got columns "index", "sentence1"/);
});

test("a set whose labels are needed must have the column", async () => {
  const data = openTask("sst2", folderWith({ "dev.tsv": tsv(["index", "sentence"], ["0", "a"]) }));
  expect((await failureOf(() => textsOf(data, "validation"))).message).toMatch(/dev\.tsv: expected column "label"/);
});

test.each<[string, string, Split, RegExp]>([
  ["a split the folder lacks", "sst2", "test", /sst2: no test split of SST-2 here: expected test\.tsv or test-\*/],
  [
    "a split the task lacks",
    "cola",
    "validation_matched",
    /^CoLA has no split called validation_matched: expected train, /,
  ],
])("%s is named", async (_, task, split, message) => {
  const folder = task === "cola" ? HUB : folderWith({ "sst2/train.tsv": "x" });
  const data = openTask(task, folder);
  const error = await failureOf(() => textsOf(data, split));
  expect(error).toBeInstanceOf(ConfigError);
  expect(error.message).toMatch(message);
});

test("a folder without the task is told what to hold", async () => {
  const folder = folderWith({ "CoLA/train.tsv": "x", "readme.txt": "x" });
  for (const [task, expected] of [
    [
      "sst2",
      /no SST-2 here: expected train\.tsv, dev\.tsv, test\.tsv, train-\*\.parquet in it or in SST-2\/, got CoLA, r/,
    ],
    ["imdb", /no IMDb here: expected train\.tsv, test\.tsv, train-\*\.parquet in it or in imdb\//],
    ["squad", /no SQuAD 1\.1 here: expected train-v1\.1\.json, dev-v1\.1\.json, train-\*\.parquet in it or in squad\//],
  ] as const) {
    const error = await failureOf(() => openTask(task, folder));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(expected);
  }
  expect((await failureOf(() => openTask("cola", "/nowhere"))).message).toMatch(/^\/nowhere: no such folder/);
  expect((await failureOf(() => findGlueTasks("/nowhere"))).message).toMatch(/^\/nowhere: no such folder/);
});

test("an unknown task is answered with the nearest", async () => {
  const error = await failureOf(() => openTask("mnil", HUB));
  expect(error).toBeInstanceOf(ConfigError);
  expect(error.message).toMatch(/^--task: expected cola, mnli, .*squad-v2; got "mnil"\. Did you mean mnli\?$/);
  expect((await failureOf(() => openTask("translation", HUB))).message).toMatch(/got "translation"\.$/);
});

test("a task's name may be written as its folder is", () => {
  const folder = folderWith({ "SST-2/train.tsv": "x", "sts_b/train.tsv": "x" });
  expect(["SST-2", "sst2", "sst-2", "STS_B"].map((name) => openTask(name, folder).task.name)).toEqual([
    "sst2",
    "sst2",
    "sst2",
    "stsb",
  ]);
});
