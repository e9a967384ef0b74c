import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noGrad } from "../../src/engine/tensor/autograd.js";
import { tensor } from "../../src/engine/tensor/create.js";
import { liveTensors, tidy } from "../../src/engine/tensor/scope.js";
import { ConfigError } from "../../src/errors.js";
import { type ExportOptions, exportModel } from "../../src/export/export.js";
import { fromHuggingFace, registerFamily, toHuggingFace } from "../../src/families/families.js";
import { readModelFolder } from "../../src/hub/folder.js";
import { loadMaskedLm } from "../../src/hub/model-loading.js";
import { openSafetensors } from "../../src/hub/safetensors.js";
import * as infer from "../../src/infer/node.js";
import { readMetrics } from "../../src/runs/metrics-log.js";
import { evaluate } from "../../src/tasks/evaluate-model.js";
import { finetune } from "../../src/tasks/finetune.js";
import type { Tokenizer } from "../../src/text/tokenizer.js";
import { smallFinetuning, topicTask } from "../tasks/made-up-task.js";
import { tripleLoss } from "../training/distill/recipes.js";
import { runJob } from "../training/loop/jobs.js";
import { smallCorpus, untrainedModel } from "../training/loop/small-corpus.js";
import { keel, writeAsKeel } from "./keel.js";

/** Every stage is gone through twice: with a BERT, and with a keel of the same weights. */
interface Pair<T> {
  bert: T;
  keel: T;
}
const both = async <T>(of: (which: "bert" | "keel") => Promise<T> | T): Promise<Pair<T>> => ({
  bert: await of("bert"),
  keel: await of("keel"),
});

let folder: string;
let data: string;
let tokenizer: Tokenizer;
let before: number;
/** A masked-language model, its student, and the student fine-tuned. */
let teachers: Pair<string>;
let students: Pair<string>;
let classifiers: Pair<string>;

beforeAll(async () => {
  registerFamily(keel);
  before = liveTensors();
  folder = mkdtempSync(join(tmpdir(), "limbeck-own-family-"));
  ({ data, tokenizer } = await smallCorpus(folder));
  const bert = await untrainedModel(join(folder, "bert"), tokenizer, { layers: 4 });
  teachers = { bert, keel: writeAsKeel(bert, join(folder, "keel")) };
  const recipe = { ...tripleLoss, dropout: 0.1, positionShift: 4, sequenceLength: 20 };
  students = await both(async (which) => {
    const job = { data, teacher: teachers[which], recipe, heldOutSequences: 20 };
    return (await runJob(job, { out: join(folder, `${which}-student`) })).model;
  });
  classifiers = await both(async (which) => (await finetuned(students[which], `${which}-topics`)).model);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const finetuned = (model: string, out: string) =>
  finetune({
    ...{ recipe: { ...smallFinetuning, epochs: 2 }, data: topicTask, dataPath: "made up", model },
    ...{ teacher: null, skipBadRows: false, out: join(folder, out), resume: false, device: "cpu" },
    cadence: { logEverySteps: 1, saveEverySteps: 100, saveEveryMinutes: 60 },
    observer: { estimate() {}, step() {}, evaluation() {}, saved() {} },
  });
const lossesOf = (run: string): number[] =>
  readMetrics(join(folder, run, "metrics.jsonl")).map((record) => Number(record.loss ?? record.heldOutLoss));
const jsonOf = (model: string) => JSON.parse(readFileSync(join(model, "config.json"), "utf8"));
const close = (values: ArrayLike<number>, digits: number) =>
  Array.from(values, (value) => expect.closeTo(value, digits));

describe("a family that is registered, and stands nowhere in src/,", () => {
  test("is loaded by its own names, and computes what a BERT of its weights computes, to the bit", async () => {
    const logits = await both(async (which) => {
      using model = (await loadMaskedLm(teachers[which], { device: "cpu", productDType: "float32" })).model;
      const ids = Int32Array.from({ length: 2 * 24 }, (_, i) => (7 * i) % tokenizer.vocabSize);
      return tidy(() => [
        noGrad(() => {
          const inputIds = tensor(ids, { shape: [2, 24], dtype: "int64" });
          const short = inputIds.narrow(1, 0, 20);
          const firstPositions = tensor(Int32Array.of(4, 1), { shape: [2], dtype: "int64" });
          return [
            model.forward({ inputIds, mask: null }, { training: false }).toFloat32Array(),
            model.forward({ inputIds: short, mask: null, firstPositions }, { training: false }).toFloat32Array(),
          ];
        }),
      ])[0] as Float32Array[];
    });
    expect(logits.keel).toEqual(logits.bert);
  });

  test("reads as many tokens as it has rows of positions for them", async () => {
    expect(jsonOf(teachers.keel)).toMatchObject({ berths: 26 });
    expect(fromHuggingFace(jsonOf(teachers.keel), "config.json")).toMatchObject({ maxPositions: 24 });
    const job = { data, teacher: teachers.keel, recipe: { ...tripleLoss, positionShift: 1 }, heldOutSequences: 20 };
    await expect(runJob(job, { out: join(folder, "too-long") })).rejects.toThrow(
      /positionShift: expected at most 0 with the 24 positions/,
    );
  });

  test("is distilled into the student of its record, which learns as BERT's does", () => {
    const [bert, keel] = [lossesOf("bert-student"), lossesOf("keel-student")];
    expect(keel).toEqual(close(bert, 4));
    expect(bert.length).toBeGreaterThan(12);
    expect(keel.at(-1)).toBeLessThan(keel[0] as number);
    expect(jsonOf(students.bert)).toMatchObject({ model_type: "distilbert" });
    expect(jsonOf(students.keel)).toMatchObject({
      ...{ model_type: "keel", architectures: ["KeelForMaskedLM"], planks: 2, decks: 0, berths: 26 },
    });
  });

  test("is written under its own names", () => {
    using file = openSafetensors(join(students.keel, "model.safetensors"));
    expect(file.entry("hull.berths.weight").shape).toEqual([26, 16]);
    expect(file.names.filter((name) => !/^(hull|crow)\./.test(name))).toEqual([]);
    const card = readFileSync(join(students.keel, "README.md"), "utf8");
    expect(card).toMatch(/# Keel, 2 layers of 16\n\nA student distilled with Limbeck from a Keel teacher/);
  });

  const evaluated = async (model: string) => {
    const { results } = await evaluate({ model, data: topicTask, recipe: smallFinetuning });
    return results[0]?.metrics;
  };

  test("is fine-tuned, and evaluates to what its fine-tuning said", async () => {
    expect(jsonOf(classifiers.keel).architectures).toEqual(["KeelForSequenceClassification"]);
    const { metrics } = JSON.parse(readFileSync(join(folder, "keel-topics/report.json"), "utf8"));
    expect(await evaluated(classifiers.keel)).toEqual(metrics.validation);
    expect(metrics.validation.accuracy).toBeGreaterThan(0.8); // Half of them by chance.
  });

  test("learns and evaluates, where it has a head, as a DistilBERT of its weights does", async () => {
    const twins = { bert: classifiers.bert, keel: writeAsKeel(classifiers.bert, join(folder, "keel-learner")) };
    const results = await both(async (which) => evaluated((await finetuned(twins[which], `${which}-more`)).model));
    expect(lossesOf("keel-more")).toEqual(close(lossesOf("bert-more"), 4));
    expect(results.keel).toEqual(results.bert);
  });

  const exported = (model: string, out: string, changes: Partial<ExportOptions> = {}) =>
    exportModel({
      ...{ model, out: join(folder, out), task: null, dtypes: ["fp32", "fp16", "int8"], trimVocab: null, text: null },
      ...{ check: null, maxDrop: 0.01, force: false, ...changes },
    });
  const texts = ["bada bede bada", "rada rede", "kala kele kili kala kele kili kala kele kili kala kele kili kala"];

  test("is exported, and predicts what a DistilBERT of its weights does, in every precision", async () => {
    const twins = { bert: classifiers.bert, keel: writeAsKeel(classifiers.bert, join(folder, "keel-twin")) };
    const out = await both(async (which) => (await exported(twins[which], `${which}-twin-onnx`)).out);
    for (const dtype of ["fp32", "fp16", "int8"] as const) {
      const verdicts = await both(async (which) => {
        const model = await infer.openModel(out[which], { dtype, threads: 1 });
        try {
          expect(model.maxTokens).toBe(24);
          return await infer.classify(model, texts);
        } finally {
          await model.close();
        }
      });
      expect(verdicts.keel).toEqual(verdicts.bert);
    }
  });

  test("is exported with fewer words, which its own config.json then says", async () => {
    const { out, vocabulary } = await exported(teachers.keel, "keel-trimmed", {
      ...{ trimVocab: [join(folder, "corpus.txt")], dtypes: ["fp32"] },
    });
    expect(jsonOf(out)).toEqual({ ...jsonOf(teachers.keel), words: vocabulary.after });
    expect(vocabulary.after).toBeLessThan(vocabulary.before);
    using read = readModelFolder(out);
    expect(read.weights.entry("embeddings.word.weight").shape[0]).toBe(vocabulary.after);
  });

  test("is registered with what runs exported models, without the engine", () => {
    expect(infer.registerFamily).toBe(registerFamily);
  });

  test("leaves no tensor behind", () => expect(liveTensors()).toBe(before));
});

describe("the registry", () => {
  test("takes a family again, but no other of its model type", () => {
    registerFamily(keel);
    expect(() => registerFamily({ ...keel })).toThrow(ConfigError);
    expect(() => registerFamily({ ...keel, modelType: "bert" })).toThrow(
      'model type "bert" is BERT\'s: choose another.',
    );
  });

  test("names all that there are where a model is of none", () => {
    expect(() => fromHuggingFace({ model_type: "gpt2" }, "config.json")).toThrow(
      'config.json: model_type: expected bert, distilbert, or keel, got "gpt2".',
    );
  });

  test("says what is to be done about a structure of none", () => {
    const config = fromHuggingFace(jsonOf(teachers.keel), "config.json");
    expect(() => toHuggingFace({ ...config, family: "raft" }, "Model")).toThrow(
      'model family "raft" is not known: give its record to registerFamily.',
    );
  });
});
