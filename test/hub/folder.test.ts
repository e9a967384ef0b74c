import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FormatError } from "../../src/errors.js";
import { distilBert } from "../../src/families/distilbert.js";
import { familyNamed } from "../../src/families/families.js";
import { assertModelFolderReplaceable, readModelFolder, writeModelFolder } from "../../src/hub/folder.js";
import { fileEntries } from "../../src/hub/model-weights.js";
import type { TensorSource } from "../../src/hub/safetensors.js";
import { newProcessName } from "../../src/storage/processes.js";
import { temporaryFolder } from "../storage/temporary-folder.js";
import { exampleConfig, exampleParameters, f32, filled, parameterShapes, writeInto } from "./example-model.js";

const CARD = "# example\n";

function writeExample(path: string, architecture: string, tensors: Map<string, TensorSource>): Promise<void> {
  const saveTokenizer = (folder: string): void => writeFileSync(join(folder, "vocab.txt"), "[PAD]\n");
  return writeModelFolder({ path, config: exampleConfig(architecture), tensors, card: CARD, saveTokenizer });
}

/** A folder with config.json and these weights under Hugging Face's names. */
function theirFolder(family: string, tensors: Map<string, TensorSource>): string {
  const folder = temporaryFolder();
  const architecture = family === "bert" ? "BertForMaskedLM" : "DistilBertForMaskedLM";
  writeFileSync(join(folder, "config.json"), JSON.stringify(exampleConfig(architecture)));
  writeInto(folder, "model.safetensors", tensors);
  return folder;
}

function theirTensors(family: string): Map<string, TensorSource> {
  return new Map(
    fileEntries(exampleParameters(family, { mlm: true }), { family: familyNamed({ family }), bare: false }),
  );
}

test.each([
  ["bert", "BertModel", { mlm: false, pooler: true }],
  ["bert", "BertForMaskedLM", { mlm: true }],
  ["distilbert", "DistilBertModel", { mlm: false }],
  ["distilbert", "DistilBertForMaskedLM", { mlm: true }],
] as const)("a %s written as %s reads back byte for byte", async (family, architecture, parts) => {
  const path = join(temporaryFolder(), "model");
  const parameters = exampleParameters(family, parts);
  await writeExample(path, architecture, parameters);
  using model = readModelFolder(path);
  expect(model.config).toEqual(exampleConfig(architecture));
  expect(new Set(model.weights.names)).toEqual(new Set(parameters.keys()));
  for (const [name, { bytes, shape }] of parameters) {
    expect(model.weights.entry(name).shape).toEqual(shape);
    expect(Buffer.compare(model.weights.read(name), bytes as Uint8Array), name).toBe(0);
  }
  model.weights.expect(parameterShapes(family, parts));
  expect(readdirSync(path).sort()).toEqual(["README.md", "config.json", "model.safetensors", "vocab.txt"]);
});

test("reads weights in shards as the index says", () => {
  const tensors = [...theirTensors("bert")];
  const folder = theirFolder("bert", new Map());
  rmSync(join(folder, "model.safetensors"));
  const shardOf = (i: number): string => `model-0000${(i % 2) + 1}-of-00002.safetensors`;
  for (const shard of [0, 1]) writeInto(folder, shardOf(shard), new Map(tensors.filter((_, i) => i % 2 === shard)));
  const index = { weight_map: Object.fromEntries(tensors.map(([name], i) => [name, shardOf(i)])) };
  writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify(index));
  using model = readModelFolder(folder);
  model.weights.expect(parameterShapes("bert", { mlm: true }));
  const [[name = "", source] = []] = exampleParameters("bert", { mlm: true });
  expect(Buffer.compare(model.weights.read(name), source?.bytes as Uint8Array)).toBe(0);
});

test.each([
  [
    "a shard that is missing",
    { a: "model-2.safetensors" },
    "model-2.safetensors: expected a safetensors file, got nothing",
  ],
  [
    "a tensor that its shard lacks",
    { b: "model-1.safetensors" },
    'expected tensor "b" in model-1.safetensors, got none',
  ],
  [
    "a shard outside the folder",
    { a: "../model-1.safetensors" },
    'tensor "a": expected the name of a .safetensors file',
  ],
  ["a shard that is no name", { a: 1 }, 'tensor "a": expected the name of a .safetensors file'],
  ["no map", undefined, '"weight_map": expected an object of file names, got a undefined'],
])("refuses an index with %s", (_, weightMap, words) => {
  const folder = theirFolder("bert", new Map());
  rmSync(join(folder, "model.safetensors"));
  writeInto(folder, "model-1.safetensors", new Map([["a", f32([1], [1])]]));
  writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: weightMap }));
  expect(() => readModelFolder(folder)).toThrow(words);
});

test("takes old gamma and beta names, a tied copy that is equal, and buffers", () => {
  const renamed = [...theirTensors("bert")].map(
    ([name, tensor]) =>
      [
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"),
        tensor,
      ] as const,
  );
  const tensors = new Map<string, TensorSource>(renamed);
  tensors.set("cls.predictions.decoder.weight", tensors.get("bert.embeddings.word_embeddings.weight") as TensorSource);
  tensors.set("bert.embeddings.position_ids", { dtype: "int64", shape: [1, 5], bytes: new Uint8Array(40) });
  tensors.set("cls.seq_relationship.bias", filled([2], 0));
  using model = readModelFolder(theirFolder("bert", tensors));
  model.weights.expect(parameterShapes("bert", { mlm: true }));
});

test("takes a tied parameter that has its second name only", () => {
  const tensors = theirTensors("distilbert");
  const word = tensors.get("distilbert.embeddings.word_embeddings.weight") as TensorSource;
  tensors.delete("distilbert.embeddings.word_embeddings.weight");
  tensors.set("vocab_projector.weight", word);
  using model = readModelFolder(theirFolder("distilbert", tensors));
  model.weights.expect(parameterShapes("distilbert", { mlm: true }));
  expect(Buffer.compare(model.weights.read("embeddings.word.weight"), word.bytes as Uint8Array)).toBe(0);
});

test("refuses an output layer that is not tied", () => {
  const tensors = theirTensors("bert").set("cls.predictions.decoder.weight", filled([6, 4], 9));
  expect(() => readModelFolder(theirFolder("bert", tensors))).toThrow(
    "expected cls.predictions.decoder.weight to equal bert.embeddings.word_embeddings.weight (tied), got different values",
  );
});

test.each<[string, (tensors: Map<string, TensorSource>) => unknown, string]>([
  [
    "parameters of another model",
    (t) => t.set("lm_head.a", filled([1], 0)).set("b", filled([1], 0)),
    'got 2 unexpected ("b", "lm_head.a")',
  ],
  [
    "a query without its key",
    (t) => t.delete("bert.encoder.layer.1.attention.self.key.bias"),
    "got 1 missing (encoder.layer.1.attention.self.key.bias)",
  ],
  [
    "one parameter under two names",
    (t) => t.set("embeddings.LayerNorm.gamma", filled([4], 0)),
    "expected embeddings.norm.weight once",
  ],
  [
    "key and query of different shapes",
    (t) => t.set("bert.encoder.layer.0.attention.self.key.bias", filled([2], 0)),
    "of one dtype and shape",
  ],
  ["no bias of the output layer", (t) => t.delete("cls.predictions.bias"), "got 1 missing (cls.predictions.bias)"],
  [
    "another vocabulary",
    (t) => t.set("bert.embeddings.word_embeddings.weight", filled([7, 4], 0)),
    "expected [6, 4] from config.json, got [7, 4]",
  ],
])("refuses weights with %s", (_, change, words) => {
  const tensors = theirTensors("bert");
  change(tensors);
  const act = (): void => {
    using model = readModelFolder(theirFolder("bert", tensors));
    model.weights.expect(parameterShapes("bert", { mlm: true }));
  };
  expect(act).toThrow(FormatError);
  expect(act).toThrow(words);
});

test("names the first few of many missing parameters, and counts the rest", () => {
  const tensors = new Map([...theirTensors("bert")].filter(([name]) => !name.includes(".layer.1.")));
  using model = readModelFolder(theirFolder("bert", tensors));
  expect(() => model.weights.expect(parameterShapes("bert", { mlm: true }))).toThrow(
    /got 16 missing \((.*, ){3}…\)\. /,
  );
});

test("leaves a head unread, but not a layer", () => {
  using model = readModelFolder(theirFolder("bert", theirTensors("bert")));
  const bare = parameterShapes("bert", { mlm: false });
  model.weights.expect(bare);
  const shallow = new Map([...bare].filter(([name]) => !name.startsWith("layers.1.")));
  expect(() => model.weights.expect(shallow)).toThrow("16 unexpected");
});

test("refuses to read a path with no folder, or a file", () => {
  const folder = theirFolder("bert", theirTensors("bert"));
  expect(() => readModelFolder(join(folder, "not"))).toThrow("expected a model folder, got nothing there");
  expect(() => readModelFolder(join(folder, "config.json"))).toThrow("expected a model folder, got a file");
});

test.each<[string, (folder: string) => void, string]>([
  ["no config.json", (f) => rmSync(`${f}/config.json`), "expected a model's config.json, got nothing there"],
  ["an empty config.json", (f) => writeFileSync(`${f}/config.json`, ""), "got an empty file"],
  ["a torn config.json", (f) => writeFileSync(`${f}/config.json`, "{"), "got text that is not JSON"],
  ["a list for config.json", (f) => writeFileSync(`${f}/config.json`, "[]"), "got an array"],
  [
    "another family's model",
    (f) => writeFileSync(`${f}/config.json`, '{"model_type":"gpt2"}'),
    'distilbert, got "gpt2"',
  ],
  ["no weights", (f) => rmSync(`${f}/model.safetensors`), "expected model.safetensors or model.safetensors.index"],
  ["a pickle", (f) => renameSync(`${f}/model.safetensors`, `${f}/pytorch_model.bin`), "call save_pretrained"],
])("refuses to read a folder with %s", (_, damage, words) => {
  const folder = theirFolder("bert", theirTensors("bert"));
  damage(folder);
  expect(() => readModelFolder(folder)).toThrow(FormatError);
  expect(() => readModelFolder(folder)).toThrow(words);
});

test("replaces a model that is there, and leaves no trace of it", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "model");
  await writeExample(path, "BertForMaskedLM", exampleParameters("bert", { mlm: true }));
  await writeExample(path, "DistilBertModel", exampleParameters("distilbert", { mlm: false }));
  using model = readModelFolder(path);
  expect(model.family).toBe(distilBert);
  expect(readdirSync(folder)).toEqual(["model"]);
});

test("keeps the model that is there when the new one fails", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "model");
  await writeExample(path, "BertModel", exampleParameters("bert", { mlm: false }));
  const before = readFileSync(join(path, "model.safetensors"));
  const failing = { ...filled([4], 0), bytes: new Uint8Array(3) };
  await expect(writeExample(path, "BertModel", new Map([["pooler.bias", failing]]))).rejects.toThrow(
    "expected 16 bytes",
  );
  expect(readFileSync(join(path, "model.safetensors")).equals(before)).toBe(true);
  expect(readdirSync(folder)).toEqual(["model"]);
});

test("removes what a killed process had begun to write", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, `.model.tmp-${newProcessName().replace(/^\d+/, "4194305")}`)); // Above the largest pid there can be.
  await writeExample(join(folder, "model"), "BertModel", exampleParameters("bert", { mlm: false }));
  expect(readdirSync(folder)).toEqual(["model"]);
});

test("a replacement that was cut short keeps the old model, and says where", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "model");
  await writeExample(path, "BertModel", exampleParameters("bert", { mlm: false }));
  renameSync(path, join(folder, ".model.old-1-1"));
  expect(() => readModelFolder(path)).toThrow("A replacement was cut short: rename .model.old-1-1 back to it.");
  await writeExample(path, "DistilBertModel", exampleParameters("distilbert", { mlm: false }));
  expect(readdirSync(folder)).toEqual(["model"]);
});

test("refuses to write over a folder that holds anything else", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "thesis.tex"), "");
  await expect(writeExample(folder, "BertModel", exampleParameters("bert", { mlm: false }))).rejects.toThrow(
    'expected a new or a model folder to write to, got one with "thesis.tex"',
  );
  expect(readdirSync(folder)).toEqual(["thesis.tex"]);
  expect(() => assertModelFolderReplaceable(join(folder, "thesis.tex"))).toThrow("got a file");
  expect(() => assertModelFolderReplaceable(join(folder, "new"))).not.toThrow();
  expect(existsSync(join(folder, "new"))).toBe(false);
});

test("refuses a config.json that names no architecture", async () => {
  const path = join(temporaryFolder(), "model");
  const content = { path, config: { model_type: "bert" }, tensors: [], card: CARD, saveTokenizer: () => {} };
  await expect(writeModelFolder(content)).rejects.toThrow('expected "architectures" to name one');
});
