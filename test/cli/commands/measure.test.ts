import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MeasureReport } from "../../../src/experiments/measure/timing.js";
import { smallTokenizer } from "../../models/small-tokenizer.js";
import { limbeck, limbeckJson } from "../limbeck.js";

const GOLDENS = resolve(import.meta.dirname, "../../goldens/models");
const folder = mkdtempSync(join(tmpdir(), "limbeck-measure-"));
const [bert, distilbert, data] = ["bert", "distilbert-mlm", "glue"].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];

beforeAll(async () => {
  await smallTokenizer(join(folder, "tokenizer"));
  for (const model of [bert, distilbert]) {
    cpSync(join(GOLDENS, model.slice(folder.length + 1)), model, { recursive: true });
    cpSync(join(folder, "tokenizer", "vocab.txt"), join(model, "vocab.txt"));
  }
  mkdirSync(join(data, "STS-B"), { recursive: true });
  const rows = Array.from({ length: 30 }, (_, i) => `${i}\t${"a ".repeat(1 + (i % 5)).trim()}\tb\t2.5`);
  writeFileSync(join(data, "STS-B", "dev.tsv"), `index\tsentence1\tsentence2\tscore\n${rows.join("\n")}\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

test("models are rows, over the pairs of a GLUE folder", async () => {
  const report = await limbeckJson<MeasureReport>(["measure", bert, distilbert, "--data", data]);
  expect(report).toMatchObject({
    kind: "measure",
    pairs: { source: "STS-B", path: data, measured: 30, all: 30 },
    environment: { threads: 1, precision: "float32", torchVersion: expect.stringMatching(/^\d+\.\d+/) },
    shapeTokenizer: null,
  });
  expect(report.rows.map(({ name, isExtrapolated, hasPooler }) => [name, isExtrapolated, hasPooler])).toEqual([
    ["bert", false, true],
    ["distilbert-mlm", false, false],
  ]);
  for (const row of report.rows) {
    expect(row.tokensPerPair).toBe(3 + 1 + 3); // One to five words, and one.
    expect(row.p95Ms).toBeGreaterThanOrEqual(row.p50Ms);
    expect(row.seconds).toBeGreaterThan(0);
  }
});

test("the table says what was measured on, and that pairs are made up and extrapolated", async () => {
  const out = join(folder, "report");
  const { status, stdout, stderr } = await limbeck(["measure", bert, "--pairs", "6", "--out", out]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "measuring bert on 6 of 1,500 pairs, made up\n" });
  expect(stdout).toMatch(/^bert +0\.\d+ M/m);
  expect(stdout).toMatch(/6 of 1,500 pairs, evenly spread, were measured; seconds for all are × 250\.00/);
  expect(stdout).toMatch(/^The pairs are made up/m);
  expect(stdout).toMatch(/^instruction sets +\S/m);
  expect(stdout).toMatch(/^threads +1$/m);
  const report = JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
  expect(report).toMatchObject({
    kind: "measure",
    rows: [{ name: "bert" }],
    schemaVersion: 1,
    provenance: { command: expect.stringContaining("measure") },
  });
  expect(readFileSync(join(out, "report.html"), "utf8")).toContain("Size and CPU time");
  expect((await limbeck(["measure", bert, "--pairs", "6", "--out", out, "-q"])).status).toBe(0); // Replaces it.
});

test("a published shape needs no weights", async () => {
  const args = ["measure", bert, "--shape", "elmo", "--shape", "distilbert-base", "--pairs", "1"];
  const { rows, shapeTokenizer } = await limbeckJson<MeasureReport>(args);
  expect(rows.map(({ name, kind, parameters, paper }) => [name, kind, parameters, paper?.seconds])).toEqual([
    ["bert", "model", expect.any(Number), undefined],
    ["elmo", "shape", 93_600_868, 895],
    ["distilbert-base", "shape", 66_362_880, 410],
  ]);
  expect(shapeTokenizer).toEqual({ name: "the embedded teacher", pieces: 8000 });
});

test("a signal ends it with 130, and leaves nothing behind", async () => {
  const out = join(folder, "stopped");
  const { status, stdout, stderr } = await limbeck(["measure", "--shape", "distilbert-base", "--out", out], {
    onStderr: (child, said) => said.includes("measuring") && child.kill("SIGINT"),
  });
  expect({ status, stdout }).toEqual({ status: 130, stdout: "" });
  expect(stderr).toMatch(/^measuring distilbert-base on 1,500 pairs, made up\nlimbeck: interrupted [^\n]+\n$/);
  expect(existsSync(join(out, "report.json"))).toBe(false);
});

describe("measure refuses", () => {
  const noTokenizer = join(GOLDENS, "bert");
  test.concurrent.each<[what: string, args: () => string[], line: RegExp]>([
    [
      "an unknown shape",
      () => ["--shape", "bert-bas"],
      /expected bert-base, distilbert-base, elmo.*Did you mean bert-base\?/,
    ],
    ["a model that is not there", () => ["./none"], /none: expected a model folder/],
    ["a model without a tokenizer", () => [noTokenizer], /bert: no tokenizer here/],
    ["a tokenizer that nobody reads with", () => [bert, "--tokenizer", bert], /tokenizer: expected a shape/],
    ["a tokenizer that is none", () => ["--shape", "bert-base", "--tokenizer", noTokenizer], /bert: no tokenizer here/],
    ["data without STS-B", () => [bert, "--data", GOLDENS], /models: no STS-B here/],
    ["data that is not there", () => [bert, "--data", join(folder, "none")], /none: no such folder/],
    ["more pairs than there are", () => [bert, "--data", data, "--pairs", "31"], /pairs: expected at most 30.*got 31/],
    ["no pairs", () => [bert, "--pairs", "0"], /--pairs.*whole number of at least 1/],
    ["another precision", () => [bert, "--precision", "int8"], /--precision.*Allowed choices are float32, bfloat16/],
    ["a folder that holds something else", () => [bert, "--out", data], /glue: .*holds "STS-B"/],
    ["a file for a folder", () => [bert, "--out", join(bert, "vocab.txt")], /vocab\.txt: expected a folder/],
  ])("%s, in one line", async (_, args, line) => {
    const { status, stdout, stderr } = await limbeck(["measure", ...args()]);
    expect(stderr).toMatch(/^limbeck: .+\n$/);
    expect(stderr).toMatch(line);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });
});

test("exported models are rows of ONNX Runtime's, beside libtorch's", async () => {
  const exported = join(folder, "exported");
  await limbeckJson(["export", "--model", distilbert, "--out", exported]);
  const out = join(folder, "latency");
  const args = ["measure", exported, "--runtime", "both", "--data", data, "--batches", "0", "--out", out];
  const report = await limbeckJson<MeasureReport>(args);
  const names = report.rows.map(({ name, runtime }) => `${name}, ${runtime}`).filter((name) => !name.includes("fp16"));
  expect(names).toEqual(["exported, libtorch", "exported ONNX fp32, onnx", "exported ONNX int8, onnx"]);
  const [torch, fp32, int8] = report.rows.filter(({ name }) => !name.includes("fp16"));
  expect(fp32).toMatchObject({ parameters: torch?.parameters, tokensPerPair: 7, bytesAre: "on disk" });
  expect(int8?.bytes).toBeLessThan(fp32?.bytes ?? 0);
  expect(report.environment).toMatchObject({ threads: 1, onnxRuntime: expect.stringMatching(/^\d+\.\d+/) });
  expect(readFileSync(join(out, "report.html"), "utf8")).toContain("exported ONNX int8");
  const { status, stderr } = await limbeck(["measure", distilbert, "--runtime", "onnx"]);
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: expect.stringMatching(/: expected ONNX files in onnx\/, got none\. Run "limbeck export /),
  });
  const shapes = await limbeck(["measure", "--runtime", "onnx"]);
  expect(shapes).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^limbeck: runtime onnx: expected exported models, got none\./),
  });
});
