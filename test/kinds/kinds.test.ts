import { describe, expect, test } from "vitest";
import { rankedLabels } from "../../src/kinds/classification.js";
import { meanOfTokens, unit } from "../../src/kinds/embedding.js";
import { isTextKind, KIND_RECORDS, KINDS, PIPELINE_TASKS } from "../../src/kinds/kinds.js";
import { largest, softmax } from "../../src/kinds/logits.js";
import { filled } from "../../src/kinds/masked-words.js";
import { sequenceOutput } from "../../src/kinds/outputs.js";

describe("the records", () => {
  test("name the pipelines once each, in their order", () => {
    expect(PIPELINE_TASKS).toEqual(["fill-mask", "classify", "question-answer", "embed"]);
  });

  test.each([
    [{ labelCount: 3, problemType: null }, "classification"],
    [{ labelCount: null, problemType: null }, "classification"],
    [{ labelCount: 3, problemType: "single_label_classification" }, "classification"],
    [{ labelCount: 1, problemType: null }, "regression"],
    [{ labelCount: 3, problemType: "regression" }, "regression"],
  ])("of one class tell by %j that a head is for %s alone", (head, expected) => {
    const ofClass = KINDS.filter((kind) => KIND_RECORDS[kind].modelClass === "ForSequenceClassification");
    expect(ofClass.filter((kind) => KIND_RECORDS[kind].fits(head))).toEqual([expected]);
  });

  test("say which kinds are of texts", () => {
    expect(KINDS.filter(isTextKind)).toEqual(["classification", "regression"]);
  });
});

describe("a sequence's part of a batch's outputs, B = 2, S = 3,", () => {
  const numbers = (count: number) => Float32Array.from({ length: count }, (_, i) => i);
  const second = { row: 1, B: 2, S: 3, tokens: 2 };

  test("is its row where a text has one", () => {
    const outputs = new Map([["logits", numbers(4)]]); // [B, 2]
    expect([...sequenceOutput("classification", outputs, second)]).toEqual([2, 3]);
  });

  test("is what stands at its tokens where each has one, without padding", () => {
    const outputs = new Map([["last_hidden_state", numbers(12)]]); // [B, S, 2]
    expect([...sequenceOutput("embedding", outputs, second)]).toEqual([6, 7, 8, 9]);
  });

  test("is one output after the other where there are two", () => {
    const outputs = new Map([
      ["end_logits", numbers(6).map((value) => -value)],
      ["start_logits", numbers(6)],
    ]);
    expect([...sequenceOutput("question-answering", outputs, second)]).toEqual([3, 4, -3, -4]);
  });
});

describe("decoding", () => {
  test("finds the largest values, the first of equal ones first", () => {
    expect(largest(Float32Array.of(1, 3, 2, 3), 3)).toEqual([1, 3, 2]);
    expect(largest(Float32Array.of(1, 2), 5)).toEqual([1, 0]);
  });

  test("gives shares of logits, however large they are", () => {
    expect([...softmax(Float32Array.of(1000, 1000 + Math.log(3)))]).toEqual([
      expect.closeTo(0.25, 4),
      expect.closeTo(0.75, 4),
    ]);
  });

  test("ranks labels, and names those that have no name", () => {
    const ranked = rankedLabels(Float32Array.of(0, Math.log(3)), ["no"]);
    expect(ranked.map(({ label }) => label)).toEqual(["LABEL_1", "no"]);
    expect(ranked[0]?.probability).toBeCloseTo(0.75, 6);
  });

  test.each([
    ["A [MASK] rose.", "moon", "A moon rose."],
    ["The light [MASK].", "##house", "The lighthouse."],
  ])("puts a piece in the place of the mask of %j", (text, token, expected) => {
    const start = text.indexOf("[MASK]");
    expect(filled(text, { start, end: start + 6, token })).toBe(expected);
  });

  test("embeds by the mean of tokens, of length 1 where that is asked; nothing has no direction", () => {
    expect([...meanOfTokens(Float32Array.of(1, 2, 5, 6), 2)]).toEqual([3, 4]);
    expect([...unit(Float32Array.of(3, 4))]).toEqual([expect.closeTo(0.6, 6), expect.closeTo(0.8, 6)]);
    expect([...unit(Float32Array.of(0, 0))]).toEqual([0, 0]);
  });
});
