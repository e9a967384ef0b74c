import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Module } from "../../src/engine/nn/module.js";
import { FlatParameters } from "../../src/engine/optim/flat-parameters.js";
import { noGrad } from "../../src/engine/tensor/autograd.js";
import { tensor, zeros } from "../../src/engine/tensor/create.js";
import type { DType } from "../../src/engine/tensor/dtype.js";
import { manualSeed } from "../../src/engine/tensor/random.js";
import { liveTensors, tidy } from "../../src/engine/tensor/scope.js";
import { ConfigError, FormatError } from "../../src/errors.js";
import { bertBase } from "../../src/families/bert.js";
import type { EncoderConfig } from "../../src/families/config.js";
import { studentConfig, toHuggingFace } from "../../src/families/families.js";
import { writeModelFolder } from "../../src/hub/folder.js";
import { loadMaskedLm, parameterEntries, saveMaskedLm } from "../../src/hub/model-loading.js";
import {
  loadTaskModel,
  readModelLabels,
  saveTaskModel,
  startTaskModel,
  type TaskHead,
  type TaskModel,
} from "../../src/hub/task-model.js";
import { Encoder } from "../../src/models/encoder.js";
import { MaskedLm } from "../../src/models/masked-lm.js";
import { QuestionAnswering } from "../../src/models/question-answering.js";
import { SequenceClassifier } from "../../src/models/sequence-classifier.js";
import type { Tokenizer } from "../../src/text/tokenizer.js";
import { smallTokenizer } from "../models/small-tokenizer.js";
import { temporaryFolder } from "../storage/temporary-folder.js";

const bert: EncoderConfig = {
  ...bertBase,
  pooler: false,
  vocabSize: 57,
  hiddenSize: 16,
  layers: 2,
  heads: 2,
  intermediateSize: 24,
  maxPositions: 16,
  classifierDropout: 0.3,
  initializerRange: 0.1,
};
const distilBert = { ...studentConfig(bert, { layers: 2 }), classifierDropout: 0.4, answerDropout: 0.5 };

const nli: TaskHead = { kind: "classification", labels: ["entailment", "neutral", "contradiction"] };
const score: TaskHead = { kind: "regression" };
const answers: TaskHead = { kind: "question-answering" };

const f32 = { device: "cpu", productDType: "float32" } as const;
const asItIs = { dropout: null };

let folder: string;
let path: string;
let tokenizer: Tokenizer;
let before: number;
beforeEach(async () => {
  folder = temporaryFolder();
  path = join(folder, "model");
  tokenizer = await smallTokenizer(join(folder, "vocabulary"));
  before = liveTensors();
});
afterEach(() => expect(liveTensors()).toBe(before));

type Weights = Map<string, Float32Array>;

function weightsOf(module: Module): Weights {
  return new Map([...module.namedParameters()].map(([name, { value }]) => [name, value.toFloat32Array()]));
}

function create(config: EncoderConfig, head: TaskHead): TaskModel {
  if (head.kind === "question-answering") return new QuestionAnswering(config);
  return new SequenceClassifier(config, head.kind === "regression" ? 1 : head.labels.length);
}

async function save(config: EncoderConfig, head: TaskHead, options: { dtype?: DType } = {}): Promise<Weights> {
  manualSeed(5);
  using model = create(config, head);
  await saveTaskModel(path, model.materialise(), { head, tokenizer, card: "", ...options });
  return weightsOf(model);
}

async function savePretrained(config: EncoderConfig): Promise<Weights> {
  manualSeed(6);
  using model = new MaskedLm(config).materialise();
  await saveMaskedLm(path, model, { tokenizer, card: "" });
  return weightsOf(model);
}

async function saveEncoder(config: EncoderConfig): Promise<Weights> {
  manualSeed(7);
  using model = new Encoder(config).materialise();
  const json = toHuggingFace(config, "Model");
  const saveTokenizer = (to: string) => tokenizer.save(to);
  await writeModelFolder({ path, config: json, tensors: parameterEntries(model), card: "", saveTokenizer });
  return weightsOf(model);
}

/** As fine-tuning starts: module, flat parameters with drawn values, then what the folder holds. */
async function start(head: TaskHead, seed = 1): Promise<Weights> {
  const { model, copyWeights } = await startTaskModel(path, head, asItIs);
  manualSeed(seed);
  const parameters = new FlatParameters(model);
  copyWeights();
  const weights = weightsOf(model);
  model.dispose();
  parameters.dispose();
  return weights;
}

function pick(weights: Weights, pattern: RegExp): Weights {
  return new Map([...weights].filter(([name]) => pattern.test(name)));
}

function readConfig(): Record<string, unknown> {
  return JSON.parse(readFileSync(join(path, "config.json"), "utf8"));
}

function changeConfig(changes: object): void {
  writeFileSync(join(path, "config.json"), JSON.stringify({ ...readConfig(), ...changes }));
}

function logitsOf(model: TaskModel): Float32Array {
  const ids = tensor([[2, 10, 11, 3, 12, 3]], { dtype: "int64" });
  const run = () => model.forward({ inputIds: ids, mask: null }, { training: false }).toFloat32Array();
  try {
    return noGrad(() => tidy(() => [run()]))[0] as Float32Array;
  } finally {
    ids.dispose();
  }
}

describe.each([bert, distilBert])("a $family with a task's head", (config) => {
  test.each([nli, score, answers])("for $kind is read as it was saved, to the bit", async (head) => {
    const saved = await save(config, head);
    using loaded = await loadTaskModel(path, head, f32);
    expect(weightsOf(loaded.model)).toEqual(saved);
    const pooler = config.family === "bert" && head !== answers;
    expect(loaded.model.config).toEqual({ ...config, pooler });
    expect(loaded.tokenizer.hash).toBe(tokenizer.hash);
    expect(loaded.path).toBe(path);
  });

  test("may be held with its products in bf16, embeddings, norms and biases in f32", async () => {
    await save(config, nli, { dtype: "bfloat16" });
    expect(readConfig().dtype).toBe("bfloat16");
    using half = await loadTaskModel(path, nli, { ...f32, productDType: "bfloat16" });
    for (const [name, { value }] of half.model.namedParameters()) {
      const isProduct = /(qkv|output|up|down|pooler|[cC]lassifier)\.weight$/.test(name);
      expect(value.dtype, name).toBe(isProduct ? "bfloat16" : "float32");
    }
  });

  test("draws no random numbers when it is read", async () => {
    await save(config, nli);
    const drawn = () => tidy(() => [zeros([4]).normal_(0, 1).toFloat32Array()])[0];
    manualSeed(9);
    const expected = drawn();
    manualSeed(9);
    (await loadTaskModel(path, nli, f32))[Symbol.dispose]();
    expect(drawn()).toEqual(expected);
  });

  test.each([nli, score, answers])("for $kind starts from a masked language model", async (head) => {
    const pretrained = await savePretrained(config);
    const started = await start(head);
    expect(pick(started, /^(embeddings|layers)\./)).toEqual(pick(pretrained, /^(embeddings|layers)\./));
    expect([...started.keys()].filter((name) => !pretrained.has(name))).toEqual(headNames(config, head));
    for (const [name, values] of pick(started, /^(pooler|classifier|preClassifier|qaOutputs)\.weight$/)) {
      const std = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
      expect(std / config.initializerRange, name).toBeGreaterThan(0.5);
      expect(std / config.initializerRange, name).toBeLessThan(1.5);
    }
  });

  test("draws its head by the seed alone, whatever it starts from", async () => {
    const ownHead = /^(classifier|preClassifier)\./;
    await savePretrained(config);
    const first = pick(await start(nli, 1), ownHead);
    expect(pick(await start(nli, 1), ownHead)).toEqual(first);
    expect(pick(await start(nli, 2), ownHead)).not.toEqual(first);
    await saveEncoder({ ...config, pooler: config.family === "bert" });
    expect(pick(await start(nli, 1), ownHead)).toEqual(first);
  });

  test("starts from a bare encoder, with its pooler where there is one", async () => {
    const encoder = await saveEncoder({ ...config, pooler: config.family === "bert" });
    const started = await start(nli);
    expect(pick(started, /^(embeddings|layers|pooler)\./)).toEqual(encoder);
  });

  test.each([nli, score, answers])("for $kind goes on from one like it", async (head) => {
    const saved = await save(config, head);
    expect(await start(head)).toEqual(saved);
  });

  test("drops in the encoder what the recipe says, in its head what it did", async () => {
    await savePretrained(config);
    const { model } = await startTaskModel(path, nli, { dropout: 0.05 });
    const { classifierDropout, answerDropout } = config; // Neither is the default.
    expect(model.config).toMatchObject({
      ...{ dropout: 0.05, attentionDropout: 0.05, classifierDropout, answerDropout },
    });
  });
});

function headNames({ family }: EncoderConfig, { kind }: TaskHead): string[] {
  if (kind === "question-answering") return ["qaOutputs.weight", "qaOutputs.bias"];
  const before = family === "bert" ? "pooler" : "preClassifier";
  return [before, "classifier"].flatMap((name) => [`${name}.weight`, `${name}.bias`]);
}

test("an encoder's pooler is left where question answering has none", async () => {
  const encoder = await saveEncoder({ ...bert, pooler: true });
  const started = await start(answers);
  expect([...encoder.keys()].filter((name) => !started.has(name))).toEqual(["pooler.weight", "pooler.bias"]);
});

describe("config.json says", () => {
  test.each([
    [bert, nli, "BertForSequenceClassification", "single_label_classification"],
    [bert, score, "BertForSequenceClassification", "regression"],
    [bert, answers, "BertForQuestionAnswering", undefined],
    [distilBert, nli, "DistilBertForSequenceClassification", "single_label_classification"],
    [distilBert, score, "DistilBertForSequenceClassification", "regression"],
    [distilBert, answers, "DistilBertForQuestionAnswering", undefined],
  ])("what loads a $family and what it is for: %#", async (config, head, architecture, problemType) => {
    await save(config, head);
    const { architectures, problem_type } = readConfig();
    expect([architectures, problem_type]).toEqual([[architecture], problemType]);
  });

  test("the labels in both directions", async () => {
    await save(distilBert, nli);
    expect(readConfig()).toMatchObject({
      id2label: { 0: "entailment", 1: "neutral", 2: "contradiction" },
      label2id: { entailment: 0, neutral: 1, contradiction: 2 },
    });
    expect(await readModelLabels(path)).toEqual(["entailment", "neutral", "contradiction"]);
  });

  test("one output for a score, which has no label of its own", async () => {
    await save(bert, score);
    expect(readConfig()).toMatchObject({ id2label: { 0: "LABEL_0" }, label2id: { LABEL_0: 0 } });
    expect(await readModelLabels(path)).toBeNull();
  });

  test("no labels for models without a classifier", async () => {
    await savePretrained(bert);
    expect(await readModelLabels(path)).toBeNull();
    expect(readConfig()).not.toHaveProperty("id2label");
  });
});

describe("labels fit", () => {
  test.each([
    ["in another case, as published models have them", { 0: "ENTAILMENT", 1: "Neutral", 2: "contradiction" }],
    ["when nobody gave any", { 0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2" }],
    ["in any order of the file", { 2: "contradiction", 0: "entailment", 1: "neutral" }],
    ["when config.json has none", undefined],
  ])("%s", async (_, id2label) => {
    const saved = await save(bert, nli);
    changeConfig({ id2label, label2id: undefined, problem_type: undefined });
    expect(await start(nli)).toEqual(saved);
    using loaded = await loadTaskModel(path, nli, f32);
    expect(logitsOf(loaded.model)).toHaveLength(3);
  });
});

/** Both readers refuse it in one line, each with its advice. */
async function refused(head: TaskHead, error: typeof ConfigError | typeof FormatError, message: RegExp): Promise<void> {
  for (const [read, advice] of [
    [() => loadTaskModel(path, head, f32), /Give one that was fine-tuned on this task\.$/],
    [() => startTaskModel(path, head, asItIs), /Start from the model that it was fine-tuned from\.$/],
  ] as const) {
    const attempt = read();
    await expect(attempt).rejects.toThrow(error);
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toThrow(advice);
    await expect(attempt).rejects.toThrow(/^[^\n]+$/);
  }
}

describe("a head that is not the task's is refused", () => {
  test("question answering, for classification", async () => {
    await save(bert, answers);
    await refused(nli, FormatError, /model: expected a model to classify texts, got BertForQuestionAnswering\./);
  });

  test("question answering, for a score", async () => {
    await save(distilBert, answers);
    await refused(score, FormatError, /expected a model to give scores, got DistilBertForQuestionAnswering\./);
  });

  test("classification, for question answering", async () => {
    await save(distilBert, nli);
    await refused(answers, FormatError, /to answer questions, got DistilBertForSequenceClassification\./);
  });

  test("a score, for classification", async () => {
    await save(bert, score);
    await refused(nli, FormatError, /to classify texts, got BertForSequenceClassification for regression\./);
  });

  test("a score whose config.json does not say so, for classification", async () => {
    await save(bert, score);
    changeConfig({ problem_type: null });
    await refused(nli, ConfigError, /expected a head for 3 labels \(entailment, .*\), got one for a score\./);
  });

  test("labels, for a score", async () => {
    await save(bert, nli);
    changeConfig({ problem_type: null });
    await refused(
      score,
      ConfigError,
      /expected a head for a score, got one for 3 labels \(entailment, neutral, contradiction\)\./,
    );
  });

  test("several labels at once", async () => {
    await save(bert, nli);
    changeConfig({ problem_type: "multi_label_classification" });
    await refused(nli, FormatError, /got BertForSequenceClassification for multi_label_classification\./);
  });

  test("another number of labels", async () => {
    await save(bert, { kind: "classification", labels: ["no", "yes"] });
    await refused(
      nli,
      ConfigError,
      /expected a head for 3 labels \(entailment, .*\), got one for 2 labels \(no, yes\)\./,
    );
  });

  test("the same labels in another order", async () => {
    await save(distilBert, { kind: "classification", labels: ["contradiction", "neutral", "entailment"] });
    await refused(nli, ConfigError, /got one for 3 labels \(contradiction, neutral, entailment\)\./);
  });
});

describe("a folder is refused, in one line, where", () => {
  const refusesToLoad = async (head: TaskHead, error: typeof ConfigError | typeof FormatError, message: RegExp) => {
    const load = loadTaskModel(path, head, f32);
    await expect(load).rejects.toThrow(error);
    await expect(load).rejects.toThrow(message);
    await expect(load).rejects.toThrow(/^[^\n]+$/);
  };

  test("nothing was fine-tuned yet", async () => {
    await savePretrained(bert);
    const message = /expected a model fine-tuned to classify texts, got BertForMaskedLM\. Fine-tune it first\.$/;
    await refusesToLoad(nli, FormatError, message);
  });

  test("id2label and the classifier count differently", async () => {
    await save(bert, nli);
    changeConfig({ id2label: { 0: "no", 1: "yes" } });
    await refusesToLoad(nli, FormatError, /config\.json: id2label: expected 3 names, .*, got 2\./);
  });

  test("id2label has no indices", async () => {
    await save(bert, nli);
    changeConfig({ id2label: { no: 0, yes: 1 } });
    await refusesToLoad(
      nli,
      FormatError,
      /config\.json: id2label\.no: expected names by index\. Fetch or export the model again\.$/,
    );
  });

  test("weights and config.json disagree", async () => {
    await save(bert, nli);
    changeConfig({ intermediate_size: 25 });
    await refusesToLoad(nli, FormatError, /intermediate\.dense\.weight: expected \[25, 16\] from config\.json/);
  });

  test("the tokenizer gives ids that the model does not embed", async () => {
    await save({ ...bert, vocabSize: 56 }, nli);
    await refusesToLoad(nli, ConfigError, /57 tokens, the model embeds only 56/);
    await expect(startTaskModel(path, nli, asItIs)).rejects.toThrow(ConfigError);
  });

  test("a masked language model is asked for", async () => {
    await save(bert, nli);
    const load = loadMaskedLm(path, f32);
    await expect(load).rejects.toThrow(/masked-LM head, got \["BertForSequenceClassification"\] without one/);
  });
});
