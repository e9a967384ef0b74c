import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExportResult } from "../../../src/export/export.js";
import { SmallModels } from "../../export/small-models.js";
import { limbeck, limbeckJson } from "../limbeck.js";

const models = new SmallModels();
const folder = models.folder;
const data = join(folder, "glue");
let [mlm, classifier] = ["", ""];

beforeAll(async () => {
  mlm = await models.make({ family: "bert", task: "fill-mask" });
  classifier = await models.make({ family: "distilbert", task: "classify", labelCount: 2 });
  mkdirSync(join(data, "SST-2"), { recursive: true });
  const rows = Array.from(
    { length: 40 },
    (_, i) => `${"a b c d".slice(0, 1 + 2 * (i % 4))} ${i % 2 ? "x" : "y"}\t${i % 2}`,
  );
  for (const split of ["train", "dev"]) {
    writeFileSync(join(data, "SST-2", `${split}.tsv`), `sentence\tlabel\n${rows.join("\n")}\n`);
  }
});
afterAll(() => models[Symbol.dispose]());

test("a whole model folder, with a table of its files", async () => {
  const out = join(folder, "whole");
  const { status, stdout, stderr } = await limbeck(["export", "--model", mlm, "--out", out]);
  expect({ status, lines: stderr.trimEnd().split("\n").length }).toEqual({ status: 0, lines: 5 });
  expect(stdout).toMatch(/^file +size +difference\n/);
  expect(stdout).toMatch(/^onnx\/model\.onnx +\d+\.\d kB +at most [\d.e-]+, 100\.0 % the same, KL /m);
  expect(stdout).toMatch(/^compared on [\d,]+ tokens of built-in passages$/m);
  expect(readdirSync(out, { recursive: true }).sort()).toEqual([
    "README.md",
    "config.json",
    "model.safetensors",
    "onnx",
    "onnx/model.onnx",
    "onnx/model_fp16.onnx",
    "onnx/model_ort_quantized.onnx",
    "onnx/model_quantized.onnx",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
  ]);
  const card = readFileSync(join(out, "README.md"), "utf8");
  expect(card).toMatch(/^pipeline_tag: fill-mask$/m);
  expect(card).toMatch(/^\| `onnx\/model_fp16\.onnx` \| 16 bits, for WebGPU/m);
});

test("embeddings of a model that has a head, with how they are pooled", async () => {
  const out = join(folder, "embeddings");
  const args = ["export", "--model", mlm, "--out", out, "--task", "embed", "--dtype", "fp32", "int8"];
  const result = await limbeckJson<ExportResult>(args);
  expect(result).toMatchObject({ out, task: "embed", check: null });
  expect(result.files.map(({ name, difference }) => [name, (difference.cosine ?? 0) > 0.99])).toEqual([
    ["model.onnx", true],
    ["model_quantized.onnx", true],
    ["model_ort_quantized.onnx", true],
  ]);
  expect(JSON.parse(readFileSync(join(out, "config.json"), "utf8")).architectures).toEqual(["BertModel"]);
  expect(JSON.parse(readFileSync(join(out, "1_Pooling/config.json"), "utf8"))).toMatchObject({
    word_embedding_dimension: 32,
    pooling_mode_mean_tokens: true,
  });
  expect(JSON.parse(readFileSync(join(out, "modules.json"), "utf8"))).toHaveLength(2);
});

test("a checked task is a column", async () => {
  const out = join(folder, "checked");
  const args = ["export", "--model", classifier, "--out", out, "--check", "sst2", "--data", data, "--force"];
  const { status, stdout } = await limbeck([...args, "--check-examples", "20", "-q"]);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^file +size +difference +sst2$/m);
  expect(stdout).toMatch(/^sst2 by Limbeck's own: [01]\.\d{4}$/m);
  expect(readFileSync(join(out, "README.md"), "utf8")).toMatch(/^\| sst2, before export \| [01]\.\d{4} \|$/m);
});

test("a trimmed vocabulary is told of", async () => {
  const corpus = join(folder, "corpus.txt");
  writeFileSync(corpus, "a bc\n");
  const larger = await models.make({ family: "bert", task: "fill-mask" }, { vocabSize: 64, name: "larger" });
  const args = ["export", "--model", larger, "--out", join(folder, "trimmed"), "--trim-vocab", corpus, "-q"];
  const { stdout } = await limbeck(args);
  expect(stdout).toMatch(/^57 of 64 word pieces; \[UNK\] \d+\.\d\d %, before \d+\.\d\d %$/m);
});

describe("export refuses", () => {
  const controls = join(folder, "controls.txt");
  beforeAll(() => writeFileSync(controls, "\u200b\u200b\n"));
  const out = join(folder, "refused");
  test.concurrent.each<[what: string, args: () => string[], line: RegExp]>([
    ["a model that is not there", () => ["--model", "./none"], /none: expected a model folder/],
    [
      "a head that the model has not",
      () => ["--model", mlm, "--task", "classify"],
      /bert-fill-mask: expected a model with the head for classify, got one with the head for fill-mask\. /,
    ],
    [
      "an unknown task",
      () => ["--model", mlm, "--task", "translate"],
      /--task.*Allowed choices are fill-mask, classify/,
    ],
    ["an unknown dtype", () => ["--model", mlm, "--dtype", "int4"], /--dtype.*Allowed choices are fp32, fp16, int8/],
    [
      "a folder that holds something",
      () => ["--model", mlm, "--out", mlm],
      /expected a new or an empty folder.*holds /,
    ],
    [
      "a file for a folder",
      () => ["--model", mlm, "--out", join(mlm, "vocab.txt")],
      /vocab\.txt: expected a new or an empty folder/,
    ],
    [
      "a check of a model without that head",
      () => ["--model", mlm, "--check", "sst2", "--data", data],
      /bert-fill-mask: expected a model fine-tuned to classify texts, got BertForMaskedLM\. Fine-tune it first\./,
    ],
    ["a check without data", () => ["--model", classifier, "--check", "sst2"], /data: expected the folder of the task/],
    [
      "a check of an unknown task",
      () => ["--model", classifier, "--check", "sst3", "--data", data],
      /got "sst3"\. Did you mean sst2\?/,
    ],
    ["data without a check", () => ["--model", mlm, "--data", data], /--data: expected it with --check TASK/],
    ["a drop of more than all", () => ["--model", mlm, "--max-drop", "2"], /--max-drop.*number in \[0, 1\)/],
    ["a corpus that is not there", () => ["--model", mlm, "--trim-vocab", "./none.txt"], /none\.txt: /],
    ["text without words", () => ["--model", mlm, "--text", controls], /--text: expected text with words in it/],
    ["text that is not there", () => ["--model", mlm, "--text", "./none.txt"], /none\.txt: /],
  ])("%s, in one line", async (_, args, line) => {
    const given = args();
    const { status, stdout, stderr } = await limbeck([
      "export",
      ...(given.includes("--out") ? [] : ["--out", out]),
      ...given,
    ]);
    expect(stderr).toMatch(/^limbeck: .+\n$/);
    expect(stderr).toMatch(line);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });

  test("and leaves nothing behind", () => {
    expect(existsSync(out)).toBe(false);
    expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
  });
});
