import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noGrad } from "../../src/engine/tensor/autograd.js";
import { tensor } from "../../src/engine/tensor/create.js";
import { tidy } from "../../src/engine/tensor/scope.js";
import { loadMaskedLm } from "../../src/hub/model-loading.js";
import { loadTaskModel, type TaskHead } from "../../src/hub/task-model.js";
import { answer } from "../../src/infer/answer.js";
import { classify } from "../../src/infer/classify.js";
import { embed } from "../../src/infer/embed.js";
import { fillMask } from "../../src/infer/fill-mask.js";
import { answersOf } from "../../src/kinds/answers.js";
import type { EncoderInput } from "../../src/models/encoder.js";
import { questionFeatures } from "../../src/tasks/questions/squad-features.js";
import { evaluationBatches, type Feature } from "../../src/tasks/task-batches.js";
import { taskLogits } from "../../src/tasks/task-objective.js";
import { textFeatures } from "../../src/tasks/texts/text-examples.js";
import {
  ANSWERS,
  BERT,
  CLASSES,
  DISTILBERT,
  LABELS,
  type ModelShop,
  open,
  openModelShop,
  SCORE,
  TEACHER,
} from "./exported-models.js";

// Limbeck's own models, run by libtorch, are the reference.

let shop: ModelShop;
beforeAll(() => {
  shop = openModelShop();
});
afterAll(() => shop[Symbol.dispose]());

const F32 = { device: "cpu", productDType: "float32" } as const;

const TEXTS = [
  "The river rises.",
  "It was built of stone in the nineteenth century, and stands beside the old market.",
  "A",
  `It ${"goes on and ".repeat(40)}ends.`,
  "Ätna über 東京 😀!",
];
const PAIRS = [
  { first: "The river rises.", second: "The water is high." },
  { first: `It ${"goes on and ".repeat(40)}ends.`, second: "Never." },
  { first: "A", second: `It ${"goes on and ".repeat(40)}ends.` },
];

/** Logits of each feature, by libtorch. */
async function logitsOf(folder: string, head: TaskHead, features: readonly Feature[]): Promise<Float32Array[]> {
  using loaded = await loadTaskModel(folder, head, F32);
  const logits: Float32Array[] = [];
  for (const batch of evaluationBatches(features, { microBatchTokens: 1, padId: 0 })) {
    const row = noGrad(() => tidy(() => taskLogits(loaded.model, batch, { ...F32, training: false }).toFloat32Array()));
    logits[batch.indices[0] ?? 0] = row;
  }
  return logits;
}

describe.each([
  ["BERT", BERT],
  ["DistilBERT", DISTILBERT],
])("of %s", (_, config) => {
  test("labels and probabilities are libtorch's, of texts and of pairs", async () => {
    const folder = await shop.task(config, CLASSES);
    const examples = [...TEXTS.map((first) => ({ first, second: null })), ...PAIRS].map((texts, i) => ({
      ...texts,
      id: String(i),
      label: null,
    }));
    using reference = await loadTaskModel(folder, CLASSES, F32);
    const features = await textFeatures(examples, reference.tokenizer, { sequenceLength: 64 });
    const expected = (await logitsOf(folder, CLASSES, features)).map(probabilities);
    const model = await open(folder);
    const got = await classify(model, [...TEXTS, ...PAIRS]);
    await model.close();
    for (const [i, classification] of got.entries()) {
      if (!("labels" in classification)) throw new Error("expected labels");
      const byName = new Map(classification.labels.map(({ label, probability }) => [label, probability]));
      for (const [label, name] of LABELS.entries()) expect(byName.get(name)).toBeCloseTo(expected[i]?.[label] ?? -1, 5);
      expect(classification.label).toBe(classification.labels[0]?.label);
      expect(classification.isCut).toBe((features[i]?.ids.length ?? 0) === 64);
    }
    expect(new Set(got.map((each) => ("label" in each ? each.label : ""))).size).toBeGreaterThan(1);
  });

  test("scores are libtorch's", async () => {
    const folder = await shop.task(config, SCORE);
    using reference = await loadTaskModel(folder, SCORE, F32);
    const examples = PAIRS.map((pair, i) => ({ ...pair, id: String(i), label: null }));
    const features = await textFeatures(examples, reference.tokenizer, { sequenceLength: 64 });
    const expected = await logitsOf(folder, SCORE, features);
    const model = await open(folder);
    const got = await classify(model, PAIRS);
    await model.close();
    expect(got.map((each) => ("score" in each ? each.score : "a label"))).toEqual(
      expected.map(([value = 0]) => expect.closeTo(value, 4)),
    );
  });

  test("answers are those of the evaluation, in windows and with offsets, with and without no answer", async () => {
    const folder = await shop.task(config, ANSWERS);
    using reference = await loadTaskModel(folder, ANSWERS, F32);
    const context = "The keeper 😀 lit the lamp. Rain fell on Ätna; the boats\u00a0came home. ".repeat(12);
    const questions = [
      { question: "Who lit the lamp?", context },
      { question: "What came home, and when did it come, and why?", context: "The boats came home." },
    ];
    const examples = questions.map((each, i) => ({ ...each, id: String(i), answers: [] }));
    const shape = { sequenceLength: 48, windowStride: 12 };
    const features = await questionFeatures(examples, reference.tokenizer, shape);
    expect(features.length).toBeGreaterThan(8);
    const logits = await logitsOf(folder, ANSWERS, features);
    const model = await open(folder);
    for (const hasUnanswerable of [false, true]) {
      const options = { nBest: 5, maxAnswerLength: 8, hasUnanswerable, nullThreshold: 0 };
      const expected = answersOf(examples, features, logits, options);
      const got = await answer(model, questions, {
        ...{ windowTokens: 48, windowStride: 12, top: 5, maxAnswerTokens: 8, mayBeUnanswerable: hasUnanswerable },
      });
      for (const [i, { text, start, end, candidates, nullOdds }] of got.entries()) {
        expect(text).toBe(expected[i]?.text);
        expect(nullOdds).toBeCloseTo(expected[i]?.nullOdds ?? -1, 3);
        expect(candidates.map((candidate) => candidate.text)).toEqual(expected[i]?.nBest.map((each) => each.text));
        if (start !== null && end !== null) expect(questions[i]?.context.slice(start, end)).toBe(text);
      }
    }
    await model.close();
  });
});

test("what is put at a [MASK] is what libtorch puts there", async () => {
  const folder = await shop.exported(TEACHER);
  const texts = [
    "The [MASK] was built in the nineteenth century.",
    "[MASK] and [MASK]",
    TEXTS[1]?.replace("stone", "[MASK]") ?? "",
  ];
  const reference = await loadMaskedLm(TEACHER, F32);
  using teacher = reference.model;
  const model = await open(folder);
  const got = await fillMask(model, texts, { top: 3 });
  await model.close();
  for (const [i, text] of texts.entries()) {
    const [ids = new Uint32Array()] = await reference.tokenizer.encodeIds([text], { addSpecialTokens: true });
    const logits = hiddenOf((input) => teacher.forward(input, { training: false }), ids);
    const masks = [...ids.entries()]
      .filter(([, id]) => id === reference.tokenizer.ids.mask)
      .map(([position]) => position);
    expect(got[i]).toHaveLength(masks.length);
    for (const [m, position] of masks.entries()) {
      const expected = [...probabilities(logits.subarray(position * 8000, (position + 1) * 8000)).entries()]
        .sort(([, a], [, b]) => b - a)
        .slice(0, 3);
      expect(got[i]?.[m]?.candidates.map(({ id, probability }) => [id, probability])).toEqual(
        expected.map(([id, probability]) => [id, expect.closeTo(probability, 5)]),
      );
    }
  }
  expect(got[0]?.[0]?.candidates[0]?.text).toBe("The station was built in the nineteenth century.");
  expect(got[1]?.map(({ start }) => start)).toEqual([0, 11]);
});

test("a vector is the mean of libtorch's last hidden states, and of length 1 where asked", async () => {
  const folder = await shop.exported(TEACHER, "embed");
  const reference = await loadMaskedLm(TEACHER, F32);
  using teacher = reference.model;
  const model = await open(folder);
  const got = await embed(model, TEXTS);
  const units = await embed(model, TEXTS, { normalize: true });
  await model.close();
  for (const [i, text] of TEXTS.entries()) {
    const [ids = new Uint32Array()] = await reference.tokenizer.encodeIds([text], { addSpecialTokens: true });
    const hidden = hiddenOf((input) => teacher.encoder.forward(input, { training: false }), ids);
    const mean = Array.from({ length: 128 }, (_, d) => {
      let sum = 0;
      for (let s = 0; s < ids.length; s++) sum += hidden[s * 128 + d] ?? 0;
      return sum / ids.length;
    });
    expect([...(got[i] ?? [])]).toEqual(mean.map((value) => expect.closeTo(value, 4)));
    const length = Math.hypot(...mean);
    expect([...(units[i] ?? [])]).toEqual(mean.map((value) => expect.closeTo(value / length, 4)));
  }
});

/** What a model makes of one sequence. */
function hiddenOf(forward: (input: EncoderInput) => ReturnType<typeof tensor>, ids: Uint32Array): Float32Array {
  return noGrad(() =>
    tidy(() => {
      const shape = [1, ids.length];
      const inputIds = tensor(Int32Array.from(ids), { shape, dtype: "int64" });
      const tokenTypeIds = tensor(new Int32Array(ids.length), { shape, dtype: "int64" });
      return forward({ inputIds, mask: null, tokenTypeIds }).toFloat32Array();
    }),
  );
}

function probabilities(logits: Float32Array): number[] {
  const most = Math.max(...logits);
  const weights = Array.from(logits, (logit) => Math.exp(logit - most));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
