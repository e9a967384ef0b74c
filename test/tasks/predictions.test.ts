import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { strFromU8, unzipSync } from "fflate";
import { expect, test } from "vitest";
import { ConfigError } from "../../src/errors.js";
import type { Split } from "../../src/kinds/task.js";
import {
  type GluePredictions,
  glueSubmission,
  writeGlueSubmission,
  writeSquadPredictions,
} from "../../src/tasks/predictions.js";
import { folderWith } from "../data/folders.js";
import { failureOf } from "./layouts.js";

const predicted = (task: string, values: number[], split: Split = "test"): GluePredictions => ({
  task,
  split,
  rows: values.map((value, i) => ({ id: String(i), value })),
});

const filesIn = (zip: Uint8Array) =>
  Object.fromEntries(Object.entries(unzipSync(zip)).map(([name, bytes]) => [name, strFromU8(bytes)]));

test("a submission has the benchmark's names, words and digits", () => {
  const { zip, missing } = glueSubmission([
    predicted("cola", [1, 0]),
    predicted("sst2", [0]),
    predicted("mrpc", [1]),
    predicted("stsb", [2.34567, 5.2, -0.1]),
    predicted("qqp", [0]),
    predicted("mnli", [0, 1, 2], "test_matched"),
    predicted("mnli", [2], "test_mismatched"),
    predicted("qnli", [0, 1]),
    predicted("rte", [1]),
    predicted("wnli", [1, 0]),
    predicted("ax", [2]),
  ]);
  const lines = (...values: string[]) => `${["index\tprediction", ...values.map((v, i) => `${i}\t${v}`)].join("\n")}\n`;
  expect(missing).toEqual([]);
  expect(filesIn(zip)).toEqual({
    "CoLA.tsv": lines("1", "0"),
    "SST-2.tsv": lines("0"),
    "MRPC.tsv": lines("1"),
    "STS-B.tsv": lines("2.346", "5.000", "0.000"),
    "QQP.tsv": lines("0"),
    "MNLI-m.tsv": lines("entailment", "neutral", "contradiction"),
    "MNLI-mm.tsv": lines("contradiction"),
    "QNLI.tsv": lines("entailment", "not_entailment"),
    "RTE.tsv": lines("not_entailment"),
    "WNLI.tsv": lines("1", "0"),
    "AX.tsv": lines("contradiction"),
  });
});

test("the same predictions give the same bytes, and rows keep the test set's ids", () => {
  const rows = [
    { id: "17", value: 1 },
    { id: "3", value: 0 },
  ];
  const { zip } = glueSubmission([{ task: "rte", split: "test", rows }]);
  expect(glueSubmission([{ task: "rte", split: "test", rows }]).zip).toEqual(zip);
  expect(filesIn(zip)["RTE.tsv"]).toBe("index\tprediction\n17\tnot_entailment\n3\tentailment\n");
});

test("what a submission still lacks is named when it is written", () => {
  const folder = folderWith();
  const missing = writeGlueSubmission(join(folder, "out/submission.zip"), [predicted("cola", [1])]);
  expect(missing).toEqual(
    ["SST-2", "MRPC", "STS-B", "QQP", "MNLI-m", "MNLI-mm", "QNLI", "RTE", "WNLI"].map((name) => `${name}.tsv`),
  );
  const zip = readFileSync(join(folder, "out/submission.zip"));
  expect(Object.keys(filesIn(zip))).toEqual(["CoLA.tsv"]);
});

test.each<[string, GluePredictions[], RegExp]>([
  ["a set that is no test set", [predicted("cola", [1], "validation")], /no file for the validation split of cola/],
  ["a task that is not GLUE's", [predicted("imdb", [1])], /no file for the test split of imdb/],
  [
    "a label that is none",
    [predicted("rte", [2])],
    /rte: the prediction of row 0 is 2: expected entailment, not_entail/,
  ],
  ["a score that is none", [predicted("stsb", [Number.NaN])], /stsb: the prediction of row 0 is NaN: expected a score/],
  ["a test set twice", [predicted("rte", [1]), predicted("rte", [0])], /one set of predictions for a test set/],
])("%s is refused", async (_, predictions, message) => {
  const error = await failureOf(() => glueSubmission(predictions));
  expect(error).toBeInstanceOf(ConfigError);
  expect(error.message).toMatch(message);
});

test("SQuAD's predictions are texts by id, with the odds of no answer beside them for SQuAD 2.0", () => {
  const folder = join(folderWith(), "out");
  const answers = new Map([
    ["56be4db0acb8001400a502ec", "Denver “Broncos”"],
    ["56d204ade7d4791d00902603", ""],
  ]);
  writeSquadPredictions(folder, { answers, nullOdds: null });
  expect(readdirSync(folder)).toEqual(["predictions.json"]);
  writeSquadPredictions(folder, { answers, nullOdds: new Map([["56be4db0acb8001400a502ec", -3.5]]) });
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8"));
  expect(read("predictions.json")).toEqual(Object.fromEntries(answers));
  expect(read("null_odds.json")).toEqual({ "56be4db0acb8001400a502ec": -3.5 });
});
