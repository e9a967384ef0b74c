import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError, FormatError, InputError } from "../../src/errors.js";
import { answer, answerSettled, type Question } from "../../src/infer/answer.js";
import { classify, classifySettled } from "../../src/infer/classify.js";
import { embed } from "../../src/infer/embed.js";
import { fillMask } from "../../src/infer/fill-mask.js";
import type { Model } from "../../src/infer/node.js";
import { ANSWERS, CLASSES, DISTILBERT, type ModelShop, open, openModelShop, TEACHER } from "./exported-models.js";

let shop: ModelShop;
let classifier: Model;
let answerer: Model;
let filler: Model;
beforeAll(async () => {
  shop = openModelShop();
  classifier = await open(await shop.task(DISTILBERT, CLASSES));
  answerer = await open(await shop.task(DISTILBERT, ANSWERS));
  filler = await open(await shop.exported(TEACHER));
});
afterAll(async () => {
  for (const model of [classifier, answerer, filler]) await model.close();
  shop[Symbol.dispose]();
});

const MEGABYTE = "the river rises and the stone is cold ".repeat(28_000);

/** The one line that a promise is refused with; the model must go on after it. */
async function refusal(promise: Promise<unknown>, type: new (...args: never[]) => Error): Promise<string> {
  const error = await promise.then(
    () => new Error("it was not refused"),
    (thrown: Error) => thrown,
  );
  expect(error).toBeInstanceOf(type);
  expect(error.message).not.toMatch(/\n/);
  expect(await classify(classifier, ["The river rises."])).toHaveLength(1);
  return error.message;
}

describe("texts", () => {
  test.each<[what: string, text: unknown, message: string]>([
    ["empty", "", "texts[1]: expected a text with words in it, got an empty one."],
    ["blank", " \n\t", "texts[1]: expected a text with words in it, got an empty one."],
    [
      "lone surrogates",
      "\udc00\ud83d\ud83d",
      "texts[1]: expected a text with words in it, got one of 3 characters that all count for nothing.",
    ],
    ["no text", 7, "texts[1]: expected a text, got number."],
    ["none", null, "texts[1]: expected a text, got null."],
    ["half a pair", { first: "a" }, "texts[1].second: expected a text, got undefined."],
    [
      "a pair with an empty text",
      { first: "", second: "a" },
      "texts[1].first: expected a text with words in it, got an empty one.",
    ],
  ])("that are %s are named", async (_, text, message) => {
    const texts = ["The river rises.", text as string, ""];
    expect(await refusal(classify(classifier, texts), InputError)).toBe(message);
  });

  test("leave the others alone, where each is settled by itself", async () => {
    const settled = await classifySettled(classifier, ["The river rises.", "", "\ud800", "The stone is cold."]);
    expect(settled.map((each) => each instanceof InputError)).toEqual([false, true, true, false]);
    const [first, , , last] = settled;
    expect([first, last]).toEqual(await classify(classifier, ["The river rises.", "The stone is cold."]));
    expect(settled[2]).toMatchObject({ index: 2, exitStatus: 2 });
  });

  test("with lone surrogates among words are read without them", async () => {
    const [plain, odd] = await classify(classifier, ["the river rises", "the \ud83driver\udc00 rises"]);
    expect(odd).toEqual(plain);
  });

  test("of a megabyte are read as far as the model reads, which is said", async () => {
    const [long, pair] = await classify(classifier, [MEGABYTE, { first: "Why?", second: MEGABYTE }]);
    expect([long?.isCut, pair?.isCut]).toEqual([true, true]);
    const [short] = await classify(classifier, [MEGABYTE.slice(0, 2000)]);
    expect(short).toEqual(long);
  });

  test("of a megabyte without a blank are one unknown word", async () => {
    expect(await classify(classifier, ["x".repeat(1 << 20)])).toMatchObject([{ isCut: false }]);
  });

  test("without a [MASK], or with one too far on, cannot be filled", async () => {
    expect(await refusal(fillMask(filler, ["[MASK] is.", "It is."]), InputError)).toBe(
      "texts[1]: expected a [MASK] in the text, got none.",
    );
    expect(await refusal(fillMask(filler, [`${MEGABYTE}[MASK]`]), InputError)).toMatch(
      /^texts\[0\]: expected every \[MASK\] within the 510 tokens that the model reads, got one at token \d+\.$/,
    );
  });

  test("of which there are none give no results", async () => {
    expect(await classify(classifier, [])).toEqual([]);
    expect(await answer(answerer, [])).toEqual([]);
    expect(await fillMask(filler, [])).toEqual([]);
  });
});

describe("questions", () => {
  test.each<[what: string, question: unknown, message: string]>([
    ["without a passage", { question: "Who?" }, "questions[0].context: expected a text, got undefined."],
    [
      "with an empty passage",
      { question: "Who?", context: "" },
      "questions[0].context: expected a text with words in it, got an empty one.",
    ],
    [
      "that are empty",
      { question: "", context: "The keeper." },
      "questions[0].question: expected a text with words in it, got an empty one.",
    ],
    ["that are none", null, "questions[0]: expected a question and its context, got null."],
  ])("%s are named", async (_, question, message) => {
    expect(await refusal(answer(answerer, [question as Question]), InputError)).toBe(message);
  });

  test("on a passage of a megabyte are answered from all of it", async () => {
    const context = `${MEGABYTE}The keeper saw it.`;
    const windows: number[] = [];
    const onProgress = (_done: number, all: number) => void windows.push(all);
    const [found] = await answerSettled(answerer, [{ question: "Who saw it?", context }], { onProgress });
    if (found === undefined || found instanceof InputError) throw new Error("expected an answer");
    expect(found.text).not.toBe("");
    expect(context.slice(found.start ?? -1, found.end ?? -1)).toBe(found.text);
    // 28,000 times 9 word pieces and 5: a window of 64 takes 57 beside the question, 21 of them the last one's too.
    expect(windows.at(-1)).toBe(Math.ceil((252_005 - 57) / (57 - 21)) + 1);
  });

  test("as long as a book are cut, to leave room for the passage", async () => {
    const context = "The keeper saw it.";
    const [found] = await answer(answerer, [{ question: MEGABYTE, context }]);
    expect(found?.text).not.toBe("");
    expect(context.slice(found?.start ?? -1, found?.end ?? -1)).toBe(found?.text);
    expect(found?.candidates.map(({ text }) => text)).toContain("The keeper saw it."); // All of it was read.
  });

  test("in windows that would not move on are refused", async () => {
    const questions = [{ question: "Who?", context: "The keeper." }];
    expect(await refusal(answer(answerer, questions, { windowTokens: 32, windowStride: 30 }), ConfigError)).toMatch(
      /^windowStride: /,
    );
    expect(await refusal(answer(answerer, questions, { windowTokens: 65 }), ConfigError)).toMatch(
      /^maxTokens: expected 8 to 64,/,
    );
  });
});

describe("models", () => {
  /** A copy of the classifier's folder, changed. */
  async function changed(change: (folder: string) => void): Promise<string> {
    const folder = shop.path();
    cpSync(classifier.where, folder, { recursive: true });
    change(folder);
    return folder;
  }
  const json = (path: string, edit: (value: Record<string, unknown>) => void) => {
    const value = JSON.parse(readFileSync(path, "utf8"));
    edit(value);
    writeFileSync(path, JSON.stringify(value));
  };

  test.each<[what: string, change: (folder: string) => void, message: RegExp]>([
    ["cut short", (folder) => truncateSync(join(folder, "onnx/model.onnx"), 20_000), /onnx\/model\.onnx: ONNX Runtime cannot load it \(.+\)\. Export the model again\.$/],
    ["another file", (folder) => writeFileSync(join(folder, "onnx/model.onnx"), "<html>not found</html>"), /onnx\/model\.onnx: ONNX Runtime cannot load it/],
    ["empty", (folder) => writeFileSync(join(folder, "onnx/model.onnx"), ""), /onnx\/model\.onnx: ONNX Runtime cannot load it/],
    ["not there", (folder) => rmSync(join(folder, "onnx"), { recursive: true }), /: expected onnx\/model\.onnx, got no such file\. Run "limbeck export --model /],
    ["of another vocabulary, by config.json", (folder) => json(join(folder, "config.json"), (config) => { config.vocab_size = 30_522; }), /tokenizer\.json: the tokenizer has 8000 tokens, the model 30522\. They belong to different models\.$/],
    ["of another vocabulary, by the ONNX file alone", (folder) => moreTokens(folder, json), /onnx\/model\.onnx: does not run on the last of the tokenizer's 8500 tokens/],
    ["of other labels", (folder) => json(join(folder, "config.json"), (config) => { config.id2label = { 0: "a", 1: "b" }; }), /gives logits of 3 labels, config\.json names 2\. They belong to different models\.$/],
    ["without a tokenizer", (folder) => rmSync(join(folder, "tokenizer.json")), /: expected tokenizer\.json, got no such file\./],
    ["of another kind", (folder) => json(join(folder, "config.json"), (config) => { config.model_type = "gpt2"; }), /config\.json: model_type/],
    ["with a config.json that is cut short", (folder) => truncateSync(join(folder, "config.json"), 50), /config\.json: is not JSON/],
  ])("%s are named", async (_, change, message) => {
    expect(await refusal(changed(change).then((folder) => open(folder)), FormatError)).toMatch(message);
  }); // biome-ignore format: a row each

  test("that are not there, or in a dtype nobody knows or wrote, are named", async () => {
    expect(await refusal(open("nowhere"), FormatError)).toBe(
      "nowhere: expected an exported model's folder, got nothing there. Check the path.",
    );
    expect(await refusal(open(classifier.where, { dtype: "q4" as "int8" }), ConfigError)).toBe(
      'dtype: expected fp32, fp16, int8; got "q4".',
    );
    const folder = await changed((copy) => rmSync(join(copy, "onnx/model_fp16.onnx"), { force: true }));
    expect(await refusal(open(folder, { dtype: "fp16" }), FormatError)).toMatch(
      /: expected onnx\/model_fp16\.onnx, got no such file\./,
    );
  });

  test("are asked only what they were exported for", async () => {
    expect(await refusal(embed(classifier, ["a"]), ConfigError)).toMatch(
      /: expected a model exported for embed, got DistilBertForSequenceClassification with logits\./,
    );
    expect(await refusal(classify(filler, ["a"]), ConfigError)).toMatch(
      /: expected a model exported for classify, got BertForMaskedLM with logits\./,
    );
    expect(await refusal(answer(filler, []), ConfigError)).toMatch(
      /: expected a model exported for question-answer, got /,
    );
  });

  test("take a number of threads, and none that is no number of threads", async () => {
    expect(await refusal(open(classifier.where, { threads: 0 }), ConfigError)).toMatch(
      /^threads: expected a whole number/,
    );
    const model = await open(classifier.where, { threads: 1, session: { graphOptimizationLevel: "basic" } });
    expect(await classify(model, ["The river rises."])).toEqual([
      {
        ...(await classify(classifier, ["The river rises."]))[0],
        probability: expect.any(Number),
        labels: expect.any(Array),
      },
    ]);
    await model.close();
  });
});

/** A tokenizer of 500 tokens more, which config.json agrees with. */
function moreTokens(
  folder: string,
  json: (path: string, edit: (value: Record<string, unknown>) => void) => void,
): void {
  json(join(folder, "config.json"), (config) => {
    config.vocab_size = 8500;
  });
  json(join(folder, "tokenizer.json"), (tokenizer) => {
    const { vocab } = tokenizer.model as { vocab: Record<string, number> };
    for (let id = 8000; id < 8500; id++) vocab[`piece${id}`] = id;
  });
}
