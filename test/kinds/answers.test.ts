import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Answer, type AnswerOptions, answersOf, type Candidate } from "../../src/kinds/answers.js";
import type { QuestionExample } from "../../src/kinds/task.js";
import type { QuestionFeature } from "../../src/tasks/questions/squad-features.js";

interface Golden {
  context: string;
  windows: {
    example: number;
    contextStart: number;
    starts: number[];
    ends: number[];
    startLogits: number[];
    endLogits: number[];
  }[];
  cases: { options: AnswerOptions; answers: Pick<Answer, "text" | "nullOdds" | "nBest">[] }[];
}

const golden: Golden = JSON.parse(readFileSync(new URL("../goldens/squad-answers.json", import.meta.url), "utf8"));

function featureOf(given: Pick<QuestionFeature, "example" | "contextStart"> & { starts: number[]; ends: number[] }) {
  const S = given.contextStart + given.starts.length + 1;
  const feature: QuestionFeature = {
    ...given,
    starts: Uint32Array.from(given.starts),
    ends: Uint32Array.from(given.ends),
    ids: new Int32Array(S),
    secondAt: given.contextStart,
    targets: [0, 0],
  };
  return feature;
}

const questionOn = (id: string, context: string): QuestionExample => ({ id, question: "?", context, answers: [] });

const nearly = ({ probability, ...candidate }: Candidate) => ({
  ...candidate,
  probability: expect.closeTo(probability, 7),
});

describe("answers are those of Hugging Face's postprocess_qa_predictions", () => {
  const count = Math.max(...golden.windows.map(({ example }) => example)) + 1;
  const examples = Array.from({ length: count }, (_, i) => questionOn(`q${i}`, golden.context));
  const features = golden.windows.map(featureOf);
  const logits = golden.windows.map(({ startLogits, endLogits }) => Float32Array.from([...startLogits, ...endLogits]));

  test.each(golden.cases)("with $options", ({ options, answers }) => {
    for (const [i, answer] of answersOf(examples, features, logits, options).entries()) {
      const expected = answers[i] as (typeof answers)[number];
      expect([answer.id, answer.text, answer.nullOdds]).toEqual([`q${i}`, expected.text, expected.nullOdds]);
      expect(answer.nBest).toMatchObject(expected.nBest.map(nearly));
    }
  });

  test("the windows of a question need not lie together", () => {
    const { options, answers } = golden.cases[2] as Golden["cases"][number];
    const back = answersOf(examples, features.toReversed(), logits.toReversed(), options);
    expect(back.map(({ text }) => text)).toEqual(answers.map(({ text }) => text));
  });
});

describe("one window, by hand", () => {
  const CONTEXT = "in  the Sea";
  const feature = featureOf({ example: 0, contextStart: 3, starts: [0, 4, 8], ends: [2, 7, 11] });
  const options: AnswerOptions = { nBest: 20, maxAnswerLength: 30, hasUnanswerable: false, nullThreshold: 0 };
  /** [CLS] question [SEP] in the sea [SEP] */
  const logits = (starts: number[], ends: number[]) => Float32Array.from([...starts, ...ends]);
  const answer = (given: Float32Array, more: Partial<AnswerOptions> = {}) =>
    answersOf([questionOn("a", CONTEXT)], [feature], [given], { ...options, ...more })[0] as Answer;

  test("the text is the passage's own, spaces and capitals with it", () => {
    expect(answer(logits([0, 0, 0, 5, 1, 1, 0], [0, 0, 0, 1, 1, 5, 0])).text).toBe("in  the Sea");
  });

  test("question, [CLS] and [SEP] never answer, and an end never comes before its start", () => {
    const given = logits([9, 9, 9, 0, 0, 3, 9], [9, 9, 9, 4, 0, 1, 9]);
    expect(answer(given).text).toBe("Sea"); // 3 + 1; "in" has 0 + 4, and comes second.
    expect(answer(given).nBest.map(({ text }) => text)).toEqual([
      "Sea",
      "in",
      "in  the Sea",
      "the Sea",
      "in  the",
      "the",
    ]);
  });

  test("probabilities are the softmax of the scores", () => {
    const [first, second] = answer(logits([0, 0, 0, 0, 0, Math.log(3), 0], [0, 0, 0, 0, -99, 0, 0])).nBest;
    expect([first?.text, first?.probability]).toEqual(["Sea", expect.closeTo(0.5, 6)]); // 3 of 3 + 1 + 1 + 1.
    expect(second?.probability).toBeCloseTo(1 / 6, 6);
  });

  test("no answer is given where it is better by more than the threshold", () => {
    const given = logits([3, 0, 0, 0, 0, 2, 0], [3, 0, 0, 0, 0, 2, 0]);
    const at = (nullThreshold: number) => answer(given, { hasUnanswerable: true, nullThreshold });
    expect(at(0)).toMatchObject({ text: "", span: "Sea", nullOdds: 2 });
    expect(at(1.99).text).toBe("");
    expect(at(2).text).toBe("Sea");
  });

  test("a question of SQuAD 1.1 is answered whatever [CLS] scores", () => {
    const given = answer(logits([9, 0, 0, 0, 0, 2, 0], [9, 0, 0, 0, 0, 2, 0]));
    expect(given).toMatchObject({ text: "Sea", span: "Sea", nullOdds: 0 });
  });

  test("where no span is left the answer is empty, and no odds speak for one", () => {
    const given = logits([9, 9, 9, 0, 0, 0, 9], [9, 9, 9, 0, 0, 0, 9]);
    expect(answer(given, { nBest: 3 })).toEqual({ id: "a", text: "", span: "", nBest: [], nullOdds: 0 });
    const { text, nBest, nullOdds } = answer(given, { nBest: 3, hasUnanswerable: true });
    expect([text, nBest.length, nullOdds]).toEqual(["", 1, Number.MAX_VALUE]);
    expect(JSON.parse(JSON.stringify(nullOdds))).toBe(nullOdds); // It goes into null_odds.json.
  });
});

test("a passage without a word has no answer", () => {
  const feature = featureOf({ example: 0, contextStart: 3, starts: [], ends: [] });
  const [answer] = answersOf([questionOn("a", "\u200b")], [feature], [new Float32Array(8)], {
    nBest: 20,
    maxAnswerLength: 30,
    hasUnanswerable: false,
    nullThreshold: 0,
  });
  expect(answer).toMatchObject({ text: "", nBest: [] });
});

test("answers are the best of all pairs of the best starts and ends of every window, whatever the logits", () => {
  const context = "a b c d e f g h";
  const starts = [0, 2, 4, 6, 8, 10, 12, 14];
  const logit = fc.integer({ min: -500, max: 500 }).map((value) => value / 8);
  /** Windows of words 0 … 4 and 3 … 7, behind [CLS] and two tokens of a question, [SEP] behind all. */
  const windows = [0, 3].map((first) =>
    featureOf({
      ...{
        example: 0,
        contextStart: 3,
        starts: starts.slice(first, first + 5),
        ends: starts.slice(first, first + 5).map((at) => at + 1),
      },
    }),
  );
  const given = fc.array(fc.uniqueArray(logit, { minLength: 18, maxLength: 18 }), { minLength: 2, maxLength: 2 });
  const options = fc.record({
    nBest: fc.integer({ min: 1, max: 7 }),
    maxAnswerLength: fc.integer({ min: 1, max: 5 }),
    hasUnanswerable: fc.boolean(),
    nullThreshold: fc.integer({ min: -20, max: 20 }),
  });
  fc.assert(
    fc.property(given, options, (logits, each) => {
      const pairs = logits.flatMap((values, w) => {
        const top = (of: number[]) =>
          of
            .map((_, i) => i)
            .sort((i, j) => (of[j] ?? 0) - (of[i] ?? 0))
            .slice(0, each.nBest);
        const [first, last] = [values.slice(0, 9), values.slice(9)];
        const inWords = (token: number) => token >= 3 && token < 8;
        return top(first)
          .filter(inWords)
          .flatMap((from) =>
            top(last)
              .filter((to) => inWords(to) && to >= from && to < from + each.maxAnswerLength)
              .map((to) => ({
                score: (first[from] ?? 0) + (last[to] ?? 0),
                text: context.slice(starts[from - 3 + 3 * w], (starts[to - 3 + 3 * w] ?? 0) + 1),
              })),
          );
      });
      const none = Math.min(...logits.map((values) => (values[0] ?? 0) + (values[9] ?? 0)));
      const best = pairs.sort((a, b) => b.score - a.score)[0];
      const [got] = answersOf(
        [questionOn("q", context)],
        windows,
        logits.map((values) => Float32Array.from(values)),
        each,
      );
      if (!each.hasUnanswerable) {
        expect([got?.text, got?.nullOdds]).toEqual([best?.text ?? "", 0]);
        expect(got?.nBest.map(({ startLogit, endLogit }) => startLogit + endLogit)).toEqual(
          pairs.slice(0, each.nBest).map(({ score }) => score),
        );
        return;
      }
      // Where none is among the best, it stands behind them; a span that it has pushed out is not found.
      const found = [...pairs.slice(0, each.nBest), { score: none, text: "" }]
        .sort((a, b) => b.score - a.score)
        .slice(0, each.nBest);
      const span = found.find(({ text }) => text !== "");
      const odds = span === undefined ? Number.MAX_VALUE : none - span.score;
      expect(got).toMatchObject({
        span: span?.text ?? "",
        nullOdds: odds,
        text: odds > each.nullThreshold ? "" : span?.text,
      });
    }),
    { numRuns: 300 },
  );
});
