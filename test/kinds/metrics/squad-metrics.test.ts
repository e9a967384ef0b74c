import { describe, expect, test } from "vitest";
import {
  bestNullThresholds,
  normaliseAnswer,
  type QuestionFigures,
  questionMetrics,
  questionParts,
  questionScores,
} from "../../../src/kinds/metrics/squad-metrics.js";
import type { QuestionExample } from "../../../src/kinds/task.js";
import { golden } from "./golden.js";

function example(id: string, golds: readonly string[]): QuestionExample {
  return { id, question: "?", context: golds.join(" "), answers: golds.map((text) => ({ text, start: 0 })) };
}

function expectFigures(
  got: QuestionFigures | null | undefined,
  expected: [number | undefined, number | undefined],
): void {
  expect(got?.exactMatch).toBeCloseTo(expected[0] ?? Number.NaN, 12);
  expect(got?.squadF1).toBeCloseTo(expected[1] ?? Number.NaN, 12);
}

const share = (percent: number | undefined) => (percent ?? Number.NaN) / 100;

test.each(Object.entries(golden.normalised))("%j is normalised as the official script does", (text, expected) => {
  expect(normaliseAnswer(text)).toBe(expected);
});

describe("SQuAD 1.1's script", () => {
  test.each(golden.squad1)("judges $prediction against $golds the same", ({ prediction, golds, ...expected }) => {
    const examples = [example("0", golds)];
    const [scores] = questionScores(new Map([["0", prediction]]), examples, { hasUnanswerable: false });
    expectFigures(scores, [expected.exactMatch, expected.squadF1]);
  });

  test("gives a question without a prediction 0, even where nothing would match", () => {
    const scores = questionScores(new Map(), [example("0", ["."])], { hasUnanswerable: false });
    expect(scores).toEqual([{ exactMatch: 0, squadF1: 0 }]);
  });
});

describe.each(Object.entries(golden.squad2))("SQuAD 2.0's script, %s", (_, given) => {
  const answers = new Map(Object.entries(given.predictions));
  const examples = given.golds.map((golds, i) => example(`q${i}`, golds));
  const nullOdds = new Map(given.nullOdds.map((odds, i) => [`q${i}`, odds]));
  const { evaluation } = given;

  test("judges each question the same", () => {
    for (const [i, scores] of questionScores(answers, examples, { hasUnanswerable: true }).entries()) {
      expectFigures(scores, [given.each[i]?.exactMatch, given.each[i]?.squadF1]);
    }
  });

  test("has the same means", () => {
    const metrics = questionMetrics(answers, examples, { hasUnanswerable: true });
    expectFigures(metrics, [share(evaluation.exact), share(evaluation.f1)]);
  });

  test("has the same means over questions with an answer and over those without", () => {
    const { hasAnswer, noAnswer } = questionParts(answers, examples);
    expect([hasAnswer?.count, noAnswer?.count]).toEqual([evaluation.HasAns_total, evaluation.NoAns_total]);
    if (hasAnswer !== null) expectFigures(hasAnswer, [share(evaluation.HasAns_exact), share(evaluation.HasAns_f1)]);
    if (noAnswer !== null) expectFigures(noAnswer, [share(evaluation.NoAns_exact), share(evaluation.NoAns_f1)]);
  });

  test("finds the same thresholds", () => {
    const best = bestNullThresholds(answers, nullOdds, examples);
    expect(best.exactMatch.value).toBeCloseTo(share(evaluation.best_exact), 12);
    expect(best.squadF1.value).toBeCloseTo(share(evaluation.best_f1), 12);
    expect(best.exactMatch.threshold).toBe(evaluation.best_exact_thresh);
    expect(best.squadF1.threshold).toBe(evaluation.best_f1_thresh);
  });
});

test("a question of SQuAD 2.0 without a prediction is one that is not answered", () => {
  const examples = [example("0", []), example("1", ["gold"])];
  const metrics = questionMetrics(new Map(), examples, { hasUnanswerable: true });
  expect(metrics).toEqual({ exactMatch: 0.5, squadF1: 0.5 });
});

test("the best threshold, worked by hand: answering the two surest of three is best", () => {
  const examples = [example("a", ["gold"]), example("b", ["silver"]), example("c", [])];
  const spans = new Map([
    ["a", "gold"],
    ["b", "silver"],
    ["c", "lead"],
  ]);
  const nullOdds = new Map([
    ["a", -3],
    ["b", 1.5],
    ["c", 2],
  ]);
  expect(bestNullThresholds(spans, nullOdds, examples).exactMatch).toEqual({ value: 1, threshold: 1.5 });
});
