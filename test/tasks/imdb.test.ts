import { expect, test } from "vitest";
import type { Split } from "../../src/kinds/task.js";
import { openTask } from "../../src/tasks/open.js";
import { folderWith } from "../data/folders.js";
import { addFile, failureOf, parquet, textsOf, tsv } from "./layouts.js";

const aclImdb = () =>
  folderWith({
    "aclImdb/train/pos/0_9.txt": "Great.<br /><br />Really.",
    "aclImdb/train/neg/10_1.txt": "Poor.",
    "aclImdb/train/neg/9_2.txt": "Bad.",
    "aclImdb/train/unsup/0_0.txt": "Unlabelled.",
    "aclImdb/train/labeledBow.feat": "x",
    "aclImdb/test/pos/0_10.txt": "Fine.",
    "aclImdb/test/neg/0_3.txt": "Dull.",
  });

test("the aclImdb folder is read in the order of its numbers, without what has no label", async () => {
  const folder = aclImdb();
  for (const where of [folder, `${folder}/aclImdb`]) {
    const data = openTask("imdb", where);
    expect((await textsOf(data, "train")).examples).toEqual([
      { id: "neg/9_2", first: "Bad.", second: null, label: 0 },
      { id: "pos/0_9", first: "Great.<br /><br />Really.", second: null, label: 1 },
    ]);
    expect((await textsOf(data, "validation")).examples).toEqual([
      { id: "neg/10_1", first: "Poor.", second: null, label: 0 },
    ]);
    expect((await textsOf(data, "test")).examples.map(({ label }) => label)).toEqual([0, 1]);
  }
});

test("TSV is read without a header; its ids begin again with each label", async () => {
  const data = openTask("imdb", folderWith({ "train.tsv": tsv(["0", "1", "9", 'A "gem'], ["0", "0", "2", "Bad."]) }));
  expect((await textsOf(data, "train")).examples).toEqual([
    { id: "0", first: 'A "gem', second: null, label: 1 },
    { id: "1", first: "Bad.", second: null, label: 0 },
  ]);
});

test("the Hub's Parquet is read", async () => {
  const file = parquet({ text: { type: "STRING", data: ["Bad.", "Good."] }, label: { type: "INT64", data: [0n, 1n] } });
  const data = openTask("imdb", folderWith({ "plain_text/test-00000-of-00001.parquet": file }));
  expect((await textsOf(data, "test")).examples.map(({ id, label }) => [id, label])).toEqual([
    ["0", 0],
    ["1", 1],
  ]);
});

test("what is evaluated is the official test set, whose labels must be there", async () => {
  const hidden = parquet({ text: { type: "STRING", data: ["a", "b"] }, label: { type: "INT64", data: [1n, -1n] } });
  const data = openTask("imdb", folderWith({ "test.parquet": hidden }));
  expect(data.task.evaluationSplits).toEqual(["test"]);
  expect((await failureOf(() => textsOf(data, "test"))).message).toMatch(/test\.parquet, row 2: unknown label -1/);
  const { message } = await failureOf(() => textsOf(data, "validation_matched"));
  expect(message).toBe("IMDb has no split called validation_matched: expected train, test.");
});

test("the weights are chosen on the last tenth of the training reviews of each label, which are not trained on", async () => {
  const rows = Array.from({ length: 25 }, (_, i) => [String(i), i < 20 ? "0" : "1", "9", `review ${i}`]);
  const data = openTask("imdb", folderWith({ "train.tsv": tsv(...rows), "test.tsv": tsv(["0", "1", "9", "Good."]) }));
  expect(data.task.selection).toMatchObject({ split: "validation", title: expect.stringContaining("last tenth") });
  const idsOf = async (split: Split) => (await textsOf(data, split)).examples.map(({ id }) => id);
  const [train, validation] = [await idsOf("train"), await idsOf("validation")];
  expect(validation).toEqual(["18", "19", "24"]); // 2 of 20, and 1 of 5.
  expect([...train, ...validation].map(Number).sort((a, b) => a - b)).toEqual(rows.map((_, i) => i));
  expect(await idsOf("test")).toEqual(["0"]);
});

test("a review that is empty or not UTF-8 is named by its file, and skipped when asked", async () => {
  const folder = aclImdb();
  addFile(folder, "aclImdb/train/pos/1_8.txt", " \n");
  addFile(folder, "aclImdb/test/pos/1_8.txt", Buffer.from([0x61, 0xe9]));
  const data = openTask("imdb", folder);
  expect((await failureOf(() => textsOf(data, "train"))).message).toMatch(/train\/pos\/1_8\.txt: the review is empty/);
  expect((await failureOf(() => textsOf(data, "test"))).message).toMatch(
    /test\/pos\/1_8\.txt: expected a review, got text that is not UTF-8/,
  );
  expect(await textsOf(data, "train", true)).toMatchObject({ skipped: 1 });
  expect(await textsOf(data, "validation", true)).toMatchObject({ skipped: 0 }); // It is counted once.
});

test("a folder of reviews without one of its labels is named", async () => {
  const data = openTask("imdb", folderWith({ "train/pos/0_9.txt": "Great." }));
  expect((await failureOf(() => textsOf(data, "train"))).message).toMatch(/train\/neg: no \.txt files here/);
});
