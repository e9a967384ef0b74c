import { env, pipeline } from "@huggingface/transformers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answer } from "../../src/infer/answer.js";
import { classify } from "../../src/infer/classify.js";
import { embed } from "../../src/infer/embed.js";
import { fillMask } from "../../src/infer/fill-mask.js";
import { ANSWERS, BERT, CLASSES, DISTILBERT, type ModelShop, open, openModelShop, TEACHER } from "./exported-models.js";

// transformers.js on the same files.

let shop: ModelShop;
beforeAll(() => {
  shop = openModelShop();
  env.allowRemoteModels = false;
  env.localModelPath = shop.folder;
});
afterAll(() => shop[Symbol.dispose]());

const TEXTS = ["The river rises.", "It was built of stone, and stands beside the old market.", "A café 東京 😀"];

/** A pipeline of transformers.js on a folder of the shop. */
function theirs(task: Parameters<typeof pipeline>[0], folder: string) {
  const options = { dtype: "fp32", device: "cpu", session_options: { intraOpNumThreads: 1 } } as const;
  return pipeline(task, folder.slice(shop.folder.length + 1), options) as unknown as Promise<Pipeline>;
}

/** The types of the package name every pipeline there is, which takes the compiler minutes. */
type Pipeline = (...inputs: unknown[]) => Promise<unknown>;

describe.each([
  ["BERT", BERT],
  ["DistilBERT", DISTILBERT],
])("of %s", (_, config) => {
  test("labels and their probabilities", async () => {
    const folder = await shop.task(config, CLASSES);
    const [ours, reference] = [await open(folder), await theirs("text-classification", folder)];
    const expected = (await reference(TEXTS, { top_k: 3 })) as { label: string; score: number }[][];
    const got = await classify(ours, TEXTS);
    expect(got.map((each) => "labels" in each && each.labels)).toEqual(
      expected.map((labels) => labels.map(({ label, score }) => ({ label, probability: expect.closeTo(score, 5) }))),
    );
    await ours.close();
  });

  test("the best answer", async () => {
    const folder = await shop.task(config, ANSWERS);
    const [ours, reference] = [await open(folder), await theirs("question-answering", folder)];
    const question = { question: "who saw the river?", context: "the old keeper saw the river rise over the stone" };
    const expected = (await reference(question.question, question.context)) as { answer: string };
    const [got] = await answer(ours, [question], { maxAnswerTokens: 64 });
    expect(got?.text).toBe(expected.answer);
    await ours.close();
  });
});

test("what is put at a [MASK]", async () => {
  const folder = await shop.exported(TEACHER);
  const [ours, reference] = [await open(folder), await theirs("fill-mask", folder)];
  const text = "The [MASK] was built in the nineteenth century.";
  const expected = (await reference(text, { top_k: 5 })) as { score: number; token: number; token_str: string }[];
  const [[mask] = []] = await fillMask(ours, [text]);
  expect(mask?.candidates.map(({ id, token, probability }) => ({ id, token, probability }))).toEqual(
    expected.map(({ token, token_str, score }) => ({
      id: token,
      token: token_str,
      probability: expect.closeTo(score, 5),
    })),
  );
  await ours.close();
});

test("vectors, of length 1", async () => {
  const folder = await shop.exported(TEACHER, "embed");
  const [ours, reference] = [await open(folder), await theirs("feature-extraction", folder)];
  const { data } = (await reference(TEXTS, { pooling: "mean", normalize: true })) as { data: Float32Array };
  const got = await embed(ours, TEXTS, { normalize: true });
  expect(got.flatMap((vector) => [...vector])).toEqual([...data].map((value) => expect.closeTo(value, 4)));
  await ours.close();
});
