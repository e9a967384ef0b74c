import { describe, expect, test } from "vitest";
import type { Split } from "../../src/kinds/task.js";
import { findGlueTasks, openTask } from "../../src/tasks/open.js";
import { GLUE_TASKS } from "../../src/tasks/texts/glue-layouts.js";
import { folderWith } from "../data/folders.js";
import { addFile, failureOf, HUB, parquet, textsOf, tsv } from "./layouts.js";

const MNLI =
  "index promptID pairID genre sentence1_binary_parse sentence2_binary_parse sentence1_parse sentence2_parse";
const mnliHeader = (...last: string[]) => [...MNLI.split(" "), "sentence1", "sentence2", ...last];
const mnliRow = (index: string, ...last: string[]) => [
  index,
  "1",
  "1e",
  "fiction",
  "(",
  "(",
  "(",
  "(",
  "a b",
  "c",
  ...last,
];
const STSB = ["index", "genre", "filename", "year", "old_index", "source1", "source2", "sentence1", "sentence2"];
const stsbRow = (index: string, ...last: string[]) => [index, "news", "f", "2012", "1", "none", "none", ...last];
const MRPC = ["#1 ID", "#2 ID", "#1 String", "#2 String"];
const PAIR = ["index", "sentence1", "sentence2"];

interface Layout {
  task: string;
  folder: string;
  /** Official files: name, rows. */
  files: Record<string, string[][]>;
  /** What a split then holds: id, first, second, label. */
  examples: Partial<Record<Split, [string, string, string | null, number | null][]>>;
}

const LAYOUTS: Layout[] = [
  {
    task: "cola",
    folder: "CoLA",
    files: {
      "train.tsv": [["gj04", "0", "*", 'He said "no.']],
      "dev.tsv": [
        ["gj04", "1", "", "b"],
        ["l-93", "0", "??", "c"],
      ],
      "test.tsv": [
        ["index", "sentence"],
        ["0", "d"],
      ],
    },
    examples: {
      train: [["0", 'He said "no.', null, 0]],
      validation: [
        ["0", "b", null, 1],
        ["1", "c", null, 0],
      ],
      test: [["0", "d", null, null]],
    },
  },
  {
    task: "mnli",
    folder: "MNLI",
    files: {
      "train.tsv": [mnliHeader("label1", "gold_label"), mnliRow("7", "contradiction", "neutral")],
      "dev_matched.tsv": [
        mnliHeader("label1", "label2", "label3", "label4", "label5", "gold_label"),
        mnliRow("0", "neutral", "neutral", "entailment", "neutral", "entailment", "contradiction"),
      ],
      "dev_mismatched.tsv": [
        [...PAIR, "gold_label"],
        ["0", "x", "y", "entailment"],
      ],
      "test_matched.tsv": [mnliHeader(), mnliRow("0")],
      "test_mismatched.tsv": [mnliHeader(), mnliRow("5")],
    },
    examples: {
      train: [["7", "a b", "c", 1]],
      validation_matched: [["0", "a b", "c", 2]],
      validation_mismatched: [["0", "x", "y", 0]],
      test_matched: [["0", "a b", "c", null]],
      test_mismatched: [["5", "a b", "c", null]],
    },
  },
  {
    task: "mrpc",
    folder: "MRPC",
    files: {
      "train.tsv": [
        ["Quality", ...MRPC],
        ["1", "70", "71", "a", "b"],
        ["0", "70", "72", "a", "c"],
      ],
      "dev.tsv": [
        ["Quality", ...MRPC],
        ["0", "1", "2", "x", 'y " z'],
      ],
      "test.tsv": [
        ["index", ...MRPC],
        ["0", "1", "2", "p", "q"],
      ],
    },
    examples: {
      train: [
        ["0", "a", "b", 1],
        ["1", "a", "c", 0],
      ],
      validation: [["0", "x", 'y " z', 0]],
      test: [["0", "p", "q", null]],
    },
  },
  {
    task: "qnli",
    folder: "QNLI",
    files: {
      "train.tsv": [
        ["index", "question", "sentence", "label"],
        ["3", "a?", "b", "not_entailment"],
      ],
      "dev.tsv": [
        ["index", "question", "sentence", "label"],
        ["0", "c?", "d", "entailment"],
      ],
      "test.tsv": [
        ["index", "question", "sentence"],
        ["0", "e?", "f"],
      ],
    },
    examples: {
      train: [["3", "a?", "b", 1]],
      validation: [["0", "c?", "d", 0]],
      test: [["0", "e?", "f", null]],
    },
  },
  {
    task: "qqp",
    folder: "QQP",
    files: {
      "train.tsv": [
        ["id", "qid1", "qid2", "question1", "question2", "is_duplicate"],
        ["133273", "213221", "213222", "a?", "b?", "1"],
      ],
      "dev.tsv": [
        ["id", "qid1", "qid2", "question1", "question2", "is_duplicate"],
        ["201359", "303345", "303346", "c?", "d?", "0"],
      ],
      "test.tsv": [
        ["id", "question1", "question2"],
        ["0", "e?", "f?"],
        ["1", "g?", ""],
      ],
    },
    examples: {
      train: [["133273", "a?", "b?", 1]],
      validation: [["201359", "c?", "d?", 0]],
      test: [
        ["0", "e?", "f?", null],
        ["1", "g?", "", null],
      ],
    },
  },
  {
    task: "rte",
    folder: "RTE",
    files: {
      "train.tsv": [
        [...PAIR, "label"],
        ["0", "a", "b", "not_entailment"],
      ],
      "dev.tsv": [
        [...PAIR, "label"],
        ["0", "c", "d", "entailment"],
      ],
      "test.tsv": [PAIR, ["0", "e", "f"]],
    },
    examples: {
      train: [["0", "a", "b", 1]],
      validation: [["0", "c", "d", 0]],
      test: [["0", "e", "f", null]],
    },
  },
  {
    task: "sst2",
    folder: "SST-2",
    files: {
      "train.tsv": [
        ["sentence", "label"],
        ["good ", "1"],
        ["bad ", "0"],
      ],
      "dev.tsv": [
        ["sentence", "label"],
        ["fine ", "1"],
      ],
      "test.tsv": [
        ["index", "sentence"],
        ["0", "dull "],
      ],
    },
    examples: {
      train: [
        ["0", "good ", null, 1],
        ["1", "bad ", null, 0],
      ],
      validation: [["0", "fine ", null, 1]],
      test: [["0", "dull ", null, null]],
    },
  },
  {
    task: "stsb",
    folder: "STS-B",
    files: {
      "train.tsv": [[...STSB, "score"], stsbRow("0", "a", "b", "3.800")],
      "dev.tsv": [[...STSB, "score"], stsbRow("0", "c", "d", "5.000"), stsbRow("1", "e", "f", "0")],
      "test.tsv": [STSB, stsbRow("0", "g", "h")],
    },
    examples: {
      train: [["0", "a", "b", 3.8]],
      validation: [
        ["0", "c", "d", 5],
        ["1", "e", "f", 0],
      ],
      test: [["0", "g", "h", null]],
    },
  },
  {
    task: "wnli",
    folder: "WNLI",
    files: {
      "train.tsv": [
        [...PAIR, "label"],
        ["0", "a", "b", "1"],
      ],
      "dev.tsv": [
        [...PAIR, "label"],
        ["0", "c", "d", "0"],
      ],
      "test.tsv": [PAIR, ["0", "e", "f"]],
    },
    examples: {
      train: [["0", "a", "b", 1]],
      validation: [["0", "c", "d", 0]],
      test: [["0", "e", "f", null]],
    },
  },
];

const filesOf = ({ folder, files }: Layout) =>
  Object.fromEntries(Object.entries(files).map(([name, rows]) => [`${folder}/${name}`, tsv(...rows)]));

describe("the official files", () => {
  test.each(LAYOUTS)("of $task", async (layout) => {
    const folder = folderWith(filesOf(layout));
    for (const where of [folder, `${folder}/${layout.folder}`]) {
      const data = openTask(layout.task, where);
      for (const [split, expected] of Object.entries(layout.examples)) {
        const { examples, skipped } = await textsOf(data, split as Split);
        expect(examples.map(({ id, first, second, label }) => [id, first, second, label])).toEqual(expected);
        expect(skipped).toBe(0);
      }
    }
  });

  test("of MRPC as first published: a byte order mark, other names, no dev set", async () => {
    const header = ["Quality", ...MRPC];
    const folder = folderWith({
      "msr_paraphrase_train.txt": `\ufeff${tsv(header, ["1", "2", "3", "a", "b"])}`.replaceAll("\n", "\r\n"),
      "msr_paraphrase_test.txt": `\ufeff${tsv(header, ["0", "2", "3", "c", "d"])}`,
    });
    const data = openTask("mrpc", folder);
    expect((await textsOf(data, "train")).examples).toMatchObject([{ first: "a", second: "b", label: 1 }]);
    expect((await textsOf(data, "test")).examples).toMatchObject([{ first: "c", second: "d", label: 0 }]);
  });
});

/** Columns of texts on the Hub. */
const HUB_TEXTS: Record<string, string[]> = {
  cola: ["sentence"],
  mnli: ["premise", "hypothesis"],
  mrpc: ["sentence1", "sentence2"],
  qnli: ["question", "sentence"],
  qqp: ["question1", "question2"],
  rte: ["sentence1", "sentence2"],
  sst2: ["sentence"],
  stsb: ["sentence1", "sentence2"],
  wnli: ["sentence1", "sentence2"],
};

describe("the Hub's Parquet", () => {
  test.each(Object.entries(HUB_TEXTS))("of %s", async (task, texts) => {
    const columns = (label: unknown, idx: number) => ({
      ...Object.fromEntries(texts.map((name) => [name, { type: "STRING" as const, data: [name] }])),
      label: task === "stsb" ? { type: "FLOAT" as const, data: [label] } : { type: "INT64" as const, data: [label] },
      idx: { type: "INT32" as const, data: [idx] },
    });
    const isScore = task === "stsb";
    const folder = folderWith({
      [`${task}/train-00000-of-00001.parquet`]: parquet(columns(isScore ? 2.5 : 1n, 9)),
      [`${task}/${task === "mnli" ? "test_matched" : "test"}-00000-of-00001.parquet`]: parquet(
        columns(isScore ? -1 : -1n, 4),
      ),
    });
    const data = openTask(task, folder);
    const second = texts[1] ?? null;
    expect((await textsOf(data, "train")).examples).toEqual([
      { id: "9", first: texts[0], second, label: isScore ? 2.5 : 1 },
    ]);
    expect((await textsOf(data, task === "mnli" ? "test_matched" : "test")).examples).toEqual([
      { id: "4", first: texts[0], second, label: null },
    ]);
  });

  test("that pyarrow wrote: shards and row groups come in order", async () => {
    const data = openTask("cola", HUB);
    const { examples } = await textsOf(data, "train");
    expect(examples.map(({ id, first, label }) => [id, first, label])).toEqual([
      ["0", "The bird sang.", 1],
      ["1", "Sang bird the.", 0],
      ["2", 'He said "no".', 1],
      ["3", "Naïve 中文 is fine.", 1],
    ]);
    expect((await textsOf(data, "test")).examples[0]?.label).toBeNull();
  });

  test("also converted by the Hub, in a folder a split", async () => {
    const file = parquet({
      sentence: { type: "STRING", data: ["a"] },
      label: { type: "INT64", data: [0n] },
      idx: { type: "INT32", data: [0] },
    });
    const data = openTask("sst2", folderWith({ "train/0000.parquet": file, "validation.parquet": file }));
    expect((await textsOf(data, "train")).examples).toHaveLength(1);
    expect((await textsOf(data, "validation")).examples).toHaveLength(1);
  });

  test("without some of its shards is refused", async () => {
    const folder = folderWith({ "sst2/train-00001-of-00003.parquet": "x", "sst2/train-00002-of-00003.parquet": "x" });
    const { message } = await failureOf(() => openTask("sst2", folder));
    expect(message).toMatch(/train-00001-of-00003\.parquet: expected 3 shards of train, got 2\./);
  });
});

test("labels have the Hub's names and order", () => {
  const labels = GLUE_TASKS.map(({ task }) => [
    task.name,
    task.kind === "classification" ? task.labels.join(" ") : task.range,
  ]);
  expect(Object.fromEntries(labels)).toEqual({
    cola: "unacceptable acceptable",
    mnli: "entailment neutral contradiction",
    mrpc: "not_equivalent equivalent",
    qnli: "entailment not_entailment",
    qqp: "not_duplicate duplicate",
    rte: "entailment not_entailment",
    sst2: "negative positive",
    stsb: [0, 5],
    wnli: "not_entailment entailment",
  });
});

test("MRPC and QQP are scored by accuracy and F1, STS-B by both correlations, CoLA by Matthews, others by accuracy", () => {
  const scores = Object.fromEntries(GLUE_TASKS.map(({ task }) => [task.title, task.score.join(" ")]));
  const others = { MNLI: "accuracy", QNLI: "accuracy", RTE: "accuracy", "SST-2": "accuracy", WNLI: "accuracy" };
  const two = { MRPC: "accuracy f1", QQP: "accuracy f1", "STS-B": "pearson spearman" };
  expect(scores).toEqual({ CoLA: "matthews", ...others, ...two });
});

test("a folder of tasks gives what can be trained, in the paper's order, and names the rest", async () => {
  const folder = folderWith(Object.assign({}, ...LAYOUTS.slice(5).map(filesOf)));
  addFile(folder, "QNLI/dev.tsv", "x");
  addFile(folder, "MNLI/train.tsv", "x");
  addFile(folder, "train.tsv", "x");
  const { found, missing } = findGlueTasks(folder);
  expect(found.map(({ task }) => task.name)).toEqual(["rte", "sst2", "stsb", "wnli"]);
  expect(missing).toEqual([
    { name: "cola", title: "CoLA", reason: "no folder" },
    { name: "mnli", title: "MNLI", reason: "no dev_matched.tsv, no dev_mismatched.tsv" },
    { name: "mrpc", title: "MRPC", reason: "no folder" },
    { name: "qnli", title: "QNLI", reason: "no train.tsv" },
    { name: "qqp", title: "QQP", reason: "no folder" },
  ]);
  expect((await textsOf(found[0] ?? openTask("rte", folder), "train")).examples).toHaveLength(1);
});
