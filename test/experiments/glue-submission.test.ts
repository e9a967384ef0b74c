import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { strFromU8, unzipSync } from "fflate";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testSets, writeSubmission } from "../../src/experiments/glue.js";
import { spreadOf } from "../../src/experiments/statistics.js";
import type { ModelScores } from "../../src/runs/report.js";
import { entryOf, missing, TASKS } from "./made-up.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-submission-"));
  const files = [
    "CoLA/train.tsv",
    "CoLA/test.tsv",
    "MNLI/train.tsv",
    "MNLI/test_matched.tsv",
    "MNLI/test_mismatched.tsv",
  ];
  for (const file of [...files, "MRPC/test.tsv"]) {
    mkdirSync(join(folder, file, ".."), { recursive: true });
    writeFileSync(join(folder, file), "");
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const tasks = [entryOf(TASKS.cola), entryOf(TASKS.mnli), missing(TASKS.mrpc)];

test("the test sets are those of tasks that were trained", () => {
  const found = testSets(folder, tasks).map(({ task, split }) => [task.name, split]);
  expect(found).toEqual([
    ["cola", "test"],
    ["mnli", "test_matched"],
    ["mnli", "test_mismatched"],
  ]);
});

test("no test set is refused before anything is trained", () => {
  expect(() => testSets(folder, [missing(TASKS.cola)])).toThrow(/--test: expected a test\.tsv/);
});

test("each is answered by the run of the best score, and what the server will miss is named", async () => {
  const run = (seed: number, score: number) => ({
    task: "",
    seed,
    run: join(folder, `run-${seed}`),
    step: 1,
    metrics: {},
    score,
    elapsedMs: 1,
  });
  const scoresOf = (task: string) => ({ task, score: spreadOf([1]), runs: [run(1, 40), run(2, 60), run(3, 50)] });
  const scores: ModelScores = {
    name: "a",
    model: "a",
    tasks: [scoresOf("cola"), scoresOf("mnli")],
    macro: 50,
    macroSpread: spreadOf([50]),
    latencyMs: null,
  };
  const submit = () =>
    writeSubmission(scores, testSets(folder, tasks), { out: folder, predict: async () => expect.unreachable() });
  await expect(submit()).rejects.toThrow(/run-2\/model: expected the model of the best of these seeds, got nothing/);
  mkdirSync(join(folder, "run-2/model"), { recursive: true });
  const asked: string[] = [];
  const { path, missing: absent } = await writeSubmission(scores, testSets(folder, tasks), {
    out: folder,
    predict: async (model, { task, split }) => {
      asked.push(`${relative(folder, model)} ${task.name} ${split}`);
      return [{ id: "7", value: 1 }];
    },
  });
  expect(asked).toEqual(["run-2/model cola test", "run-2/model mnli test_matched", "run-2/model mnli test_mismatched"]);
  expect(absent).toContain("SST-2.tsv");
  const files = unzipSync(readFileSync(path));
  expect(Object.keys(files).sort()).toEqual(["CoLA.tsv", "MNLI-m.tsv", "MNLI-mm.tsv"]);
  expect(strFromU8(files["CoLA.tsv"] ?? new Uint8Array())).toBe("index\tprediction\n7\t1\n");
});
