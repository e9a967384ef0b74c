import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Tensor } from "../../src/engine/tensor/tensor.js";
import type { EncoderConfig } from "../../src/families/config.js";
import { QuestionAnswering } from "../../src/models/question-answering.js";
import { SequenceClassifier } from "../../src/models/sequence-classifier.js";
import { runTestsInScope } from "../engine/tensor/in-scope.js";
import { relativeError } from "./closeness.js";
import { Golden } from "./golden.js";

type TaskModel = SequenceClassifier | QuestionAnswering;

const TOLERANCE = 1e-5;

/** The models that test/goldens/heads.py makes; null for question answering. */
const LABEL_COUNTS = {
  "bert-classification": 3,
  "bert-regression": 1,
  "bert-answers": null,
  "distilbert-classification": 3,
  "distilbert-regression": 1,
  "distilbert-answers": null,
} as const;

/** Nothing drops but the head: BERT's has none for question answering. */
function onlyHeadDrops({ family }: EncoderConfig): Partial<EncoderConfig> {
  const answerDropout = family === "bert" ? 0 : 1;
  return { dropout: 0, attentionDropout: 0, classifierDropout: 1, answerDropout };
}

describe.each(Object.entries(LABEL_COUNTS))("Python transformers computes the same with %s", (name, labelCount) => {
  const create = (config: EncoderConfig): TaskModel =>
    labelCount === null ? new QuestionAnswering(config) : new SequenceClassifier(config, labelCount);
  const golden = new Golden<TaskModel>(`heads/${name}`, create);
  afterAll(() => golden[Symbol.dispose]());

  describe.each(golden.cases)("%s", (each) => {
    const training = each === "dropHead";
    let model: TaskModel;

    beforeAll(() => {
      model = golden.load(training ? onlyHeadDrops(golden.config) : {});
    });
    afterAll(() => model.dispose());
    runTestsInScope();

    test("logits", () => {
      const logits = model.forward(golden.input(each), { training });
      const expected = golden.tensor(`${each}.logits`);
      expect(logits.shape).toEqual(expected.shape);
      expect(relativeError(logits.toFloat32Array(), expected.toFloat32Array())).toBeLessThan(TOLERANCE);
    });

    if (!training) {
      test("gradients of all parameters", () => {
        const logits = model.forward(golden.input(each), { training });
        logits
          .mul(golden.tensor(`${each}.lossLogits`))
          .sum()
          .backward();
        for (const [parameter, { value }] of model.namedParameters()) {
          const gradient = (value.grad as Tensor).toFloat32Array();
          expect(relativeError(gradient, golden.gradient(each, parameter)), parameter).toBeLessThan(TOLERANCE);
          value.grad = null;
        }
      });
    }
  });
});

describe("what a head drops comes from config.json", () => {
  test.each([
    ["bert-classification", 0.3, 0],
    ["bert-regression", null, 0],
    ["distilbert-classification", 0.4, 0.1],
    ["distilbert-answers", 0.2, 0.3],
  ])("%s", (name, classifierDropout, answerDropout) => {
    using golden = new Golden<TaskModel>(`heads/${name}`, (config) => new QuestionAnswering(config));
    expect(golden.config).toMatchObject({ classifierDropout, answerDropout });
  });
});
