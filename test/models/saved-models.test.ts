import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { autocast, noGrad } from "../../src/engine/tensor/autograd.js";
import { tensor, zeros } from "../../src/engine/tensor/create.js";
import type { DType } from "../../src/engine/tensor/dtype.js";
import { manualSeed } from "../../src/engine/tensor/random.js";
import { liveTensors, tidy } from "../../src/engine/tensor/scope.js";
import { ConfigError, FormatError } from "../../src/errors.js";
import { bertBase } from "../../src/families/bert.js";
import type { EncoderConfig } from "../../src/families/config.js";
import { studentConfig } from "../../src/families/families.js";
import { loadMaskedLm, saveMaskedLm } from "../../src/hub/model-loading.js";
import { MaskedLm } from "../../src/models/masked-lm.js";
import type { Tokenizer } from "../../src/text/tokenizer.js";
import { relativeError } from "./closeness.js";
import { smallTokenizer } from "./small-tokenizer.js";

const bert: EncoderConfig = {
  ...bertBase,
  pooler: false,
  vocabSize: 57,
  hiddenSize: 32,
  layers: 2,
  heads: 4,
  intermediateSize: 64,
  maxPositions: 16,
  initializerRange: 0.1,
};
const distilBert = studentConfig(bert, { layers: 2 });
const f32 = { device: "cpu", productDType: "float32" } as const;

let folder: string;
let path: string;
let tokenizer: Tokenizer;
let before: number;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-saved-"));
  path = join(folder, "model");
  tokenizer = await smallTokenizer(join(folder, "vocabulary"));
  before = liveTensors();
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  expect(liveTensors()).toBe(before);
});

async function save(config: EncoderConfig, options: { dtype?: DType } = {}): Promise<Map<string, Float32Array>> {
  manualSeed(5);
  using model = new MaskedLm(config).materialise();
  await saveMaskedLm(path, model, { tokenizer, card: "", ...options });
  return weightsOf(model);
}

function weightsOf(model: MaskedLm): Map<string, Float32Array> {
  return new Map([...model.namedParameters()].map(([name, { value }]) => [name, value.toFloat32Array()]));
}

function logitsOf(model: MaskedLm, dtype: DType): Float32Array {
  const ids = [[2, 10, 11, 12, 13, 3]];
  const run = () => model.forward({ inputIds: tensor(ids, { dtype: "int64" }), mask: null }, { training: false });
  return noGrad(() => tidy(() => [autocast(dtype, "cpu", run).toFloat32Array()]))[0] as Float32Array;
}

function readJson(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(path, name), "utf8"));
}

test.each([bert, distilBert])("a $family is read as it was saved, to the bit, with its tokenizer", async (config) => {
  const saved = await save(config);
  const loaded = await loadMaskedLm(path, f32);
  using model = loaded.model;
  expect(model.config).toEqual({ ...config, pooler: false });
  expect(weightsOf(model)).toEqual(saved);
  expect(loaded.tokenizer.hash).toBe(tokenizer.hash);
});

test("saved in bf16, a model is read back rounded", async () => {
  const saved = await save(bert, { dtype: "bfloat16" });
  expect(readJson("config.json").dtype).toBe("bfloat16");
  const { model } = await loadMaskedLm(path, f32);
  using _model = model;
  for (const [name, values] of weightsOf(model)) {
    expect(relativeError(values, saved.get(name) as Float32Array), name).toBeLessThan(2 ** -8);
  }
  expect(new Set([...model.namedParameters()].map(([, { value }]) => value.dtype))).toEqual(new Set(["float32"]));
});

test("a teacher's products may be held in bf16: embeddings, norms and biases stay f32", async () => {
  await save(bert);
  using half = (await loadMaskedLm(path, { device: "cpu", productDType: "bfloat16" })).model;
  using single = (await loadMaskedLm(path, f32)).model;
  for (const [name, { value }] of half.namedParameters()) {
    const isProduct = /(qkv|output|up|down|transform)\.weight$/.test(name);
    expect(value.dtype, name).toBe(isProduct ? "bfloat16" : "float32");
  }
  // The same products in the same dtype, the weights rounded before or during.
  expect(logitsOf(half, "bfloat16")).toEqual(logitsOf(single, "bfloat16"));
});

test("the tokenizer's greatest length is the model's", async () => {
  await save(distilBert);
  expect(readJson("tokenizer_config.json").model_max_length).toBe(16);
});

test("a tokenizer with more tokens than the model embeds is refused", async () => {
  using model = new MaskedLm({ ...distilBert, vocabSize: 56 }).materialise();
  await saveMaskedLm(path, model, { tokenizer, card: "" });
  const load = loadMaskedLm(path, f32);
  await expect(load).rejects.toThrow(ConfigError);
  await expect(load).rejects.toThrow(/57 tokens, the model embeds only 56/);
});

test("an encoder without a head is refused as a masked language model, naming what is missing", async () => {
  const load = loadMaskedLm(fileURLToPath(new URL("../goldens/models/distilbert", import.meta.url)), f32);
  await expect(load).rejects.toThrow(FormatError);
  await expect(load).rejects.toThrow(
    /expected a model with a masked-LM head, got \["DistilBertModel"\] without one\. Give a DistilBertForMaskedLM\.$/,
  );
});

test("reading a model draws no random numbers", async () => {
  await save(bert);
  const drawn = () => tidy(() => [zeros([4]).normal_(0, 1).toFloat32Array()])[0];
  manualSeed(9);
  const expected = drawn();
  manualSeed(9);
  (await loadMaskedLm(path, f32)).model.dispose();
  expect(drawn()).toEqual(expected);
});
