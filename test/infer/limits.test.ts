import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type AnswerOptions, answer } from "../../src/infer/answer.js";
import { classify } from "../../src/infer/classify.js";
import { embed } from "../../src/infer/embed.js";
import { fillMask } from "../../src/infer/fill-mask.js";
import type { Model } from "../../src/infer/model.js";
import type { Kind } from "../../src/kinds/kinds.js";
import { sequenceOutput } from "../../src/kinds/outputs.js";
import { PieceEncoder } from "../../src/text/piece-encoder.js";
import { specFromJson } from "../../src/text/tokenizer-json.js";
import { TEACHER } from "./exported-models.js";

// A model that says what the test has it say: what is asked of a real one, and what is made of its outputs.

const path = join(TEACHER, "tokenizer.json");
const tokenizer = new PieceEncoder(specFromJson(path, readFileSync(path, "utf8")), path);

type Size = { readonly B: number; readonly S: number };
type Outputs = Readonly<Record<string, (batch: Size) => ArrayLike<number>>>;

interface MadeUp {
  readonly model: Model;
  /** Every sequence that was run. */
  readonly sequences: Int32Array[];
  /** What was passed on to the model of the options. */
  readonly batchTokens: unknown[];
}

function madeUp(architecture: string, outputs: Outputs, maxTokens: number): MadeUp {
  const run: MadeUp["sequences"] = [];
  const batchTokens: unknown[] = [];
  const model = {
    ...{ where: "made up", tokenizer, maxTokens, outputs: Object.keys(outputs) },
    config: { architecture, labels: ["no", "yes"], problemType: null },
    runEach: async <R>(
      kind: Kind,
      sequences: readonly { ids: Int32Array }[],
      read: (output: Float32Array, index: number) => R,
      options: { batchTokens?: number },
    ) => {
      batchTokens.push(options.batchTokens);
      return sequences.map(({ ids }, index) => {
        run.push(ids);
        const S = ids.length;
        const given = new Map(Object.entries(outputs).map(([name, of]) => [name, Float32Array.from(of({ B: 1, S }))]));
        return read(sequenceOutput(kind, given, { row: 0, B: 1, S, tokens: S }), index);
      });
    },
  };
  return { model: model as unknown as Model, sequences: run, batchTokens };
}

const words = (count: number) => new Array(count).fill("the").join(" ");

describe("a text is cut where it is longer than the limit, and not where it is as long:", () => {
  const classifier = () => madeUp("BertForSequenceClassification", { logits: () => [0, 1] }, 10);
  const cutOf = async (input: Parameters<typeof classify>[1][number], maxTokens?: number) => {
    const { model, sequences } = classifier();
    const [result] = await classify(model, [input], { maxTokens });
    return [result?.isCut, sequences[0]?.length];
  };

  test("one text, with its two marks", async () => {
    expect(await cutOf(words(7))).toEqual([false, 9]);
    expect(await cutOf(words(8))).toEqual([false, 10]);
    expect(await cutOf(words(9))).toEqual([true, 10]);
    expect(await cutOf(words(3), 5)).toEqual([false, 5]);
    expect(await cutOf(words(4), 5)).toEqual([true, 5]);
  });

  test.each([
    [3, 4],
    [4, 3],
    [1, 6],
    [6, 1],
  ])("a pair of %i and %i words, with its three marks", async (first, second) => {
    expect(await cutOf({ first: words(first), second: words(second) })).toEqual([false, 10]);
    expect(await cutOf({ first: words(first + 1), second: words(second) })).toEqual([true, 10]);
    expect(await cutOf({ first: words(first), second: words(second + 1) })).toEqual([true, 10]);
    expect(await cutOf({ first: words(first), second: words(second) }, 9)).toEqual([true, 9]);
  });

  test("by default a model's own", async () => {
    const { model, sequences } = madeUp("BertModel", { last_hidden_state: ({ S }) => new Array(2 * S).fill(1) }, 10);
    await embed(model, [words(20)]);
    await embed(model, [words(20)], { maxTokens: 6 });
    expect(sequences.map(({ length }) => length)).toEqual([10, 6]);
  });

  test("a limit beyond the model's, or of marks alone, is refused", async () => {
    for (const maxTokens of [11, 3, 4.5]) {
      await expect(classify(classifier().model, ["a"], { maxTokens })).rejects.toThrow(/^maxTokens: expected 4 to 10,/);
    }
    expect(await cutOf("the", 4)).toEqual([false, 3]);
  });

  test("a [MASK] is filled up to the last token that is read, and not behind it", async () => {
    const { model } = madeUp("BertForMaskedLM", { logits: ({ S }) => new Array(S * tokenizer.vocabSize).fill(0) }, 10);
    expect(await fillMask(model, [`${words(7)} [MASK]`])).toHaveLength(1);
    await expect(fillMask(model, [`${words(8)} [MASK]`])).rejects.toThrow(/within the 8 tokens .* at token 9\.$/);
  });
});

describe("of an answer", () => {
  const CONTEXT = "The river saw the boat";

  /** Logits by token of the passage; "none" is what [CLS] has. */
  function reader(scores: Readonly<Record<string, readonly [start: number, end: number]>>): MadeUp {
    const logitsOf = (which: 0 | 1) => (batch: Size) => {
      const ids = made.sequences.at(-1) as Int32Array;
      return Array.from({ length: batch.S }, (_, i) => {
        const token = i === 0 ? "none" : (tokenizer.idToToken(ids[i] ?? 0) ?? "");
        const isPassage = i === 0 || i > ids.indexOf(tokenizer.ids.sep);
        return isPassage ? (scores[token]?.[which] ?? -9) : -9;
      });
    };
    const made = madeUp("BertForQuestionAnswering", { start_logits: logitsOf(0), end_logits: logitsOf(1) }, 64);
    return made;
  }

  const ask = async (scores: Parameters<typeof reader>[0], options: AnswerOptions = {}) =>
    (await answer(reader(scores).model, [{ question: "Who?", context: CONTEXT }], options))[0];

  /** No answer is likelier than the best span, by 2. */
  const doubtful = { none: [4, 4], river: [3, 3] } as const;

  test("place and probability are the best span's, also where no answer is the likeliest and is not given", async () => {
    const found = await ask(doubtful, { mayBeUnanswerable: true, nullThreshold: 2 });
    expect(found?.candidates[0]?.text).toBe("");
    expect(found).toMatchObject({ text: "river", start: 4, end: 9, nullOdds: 2 });
    const best = found?.candidates.find(({ text }) => text === "river");
    expect(found?.probability).toBe(best?.probability);
    expect(found?.probability).toBeLessThan(found?.candidates[0]?.probability ?? 0);
  });

  test("there is no place where none is given", async () => {
    const found = await ask(doubtful, { mayBeUnanswerable: true, nullThreshold: 1.9 });
    expect(found).toMatchObject({ text: "", start: null, end: null, nullOdds: 2 });
    expect(found?.probability).toBe(found?.candidates[0]?.probability);
  });

  test("by default a passage answers, none is never likelier, and the threshold is 0", async () => {
    expect(await ask(doubtful)).toMatchObject({ text: "river", nullOdds: 0 });
    const sure = { none: [3, 3], river: [3, 3] } as const;
    expect(await ask(sure, { mayBeUnanswerable: true })).toMatchObject({ text: "river", nullOdds: 0 });
    expect(await ask({ ...sure, none: [3, 3.01] }, { mayBeUnanswerable: true })).toMatchObject({ text: "" });
  });

  /** A passage of so many words behind [CLS] Who ? [SEP], and a model that gives each of its tokens these logits. */
  async function askAt(start: (word: number) => number, end: (word: number) => number, options: AnswerOptions = {}) {
    const logits =
      (of: (word: number) => number) =>
      ({ S }: Size) =>
        Array.from({ length: S }, (_, i) => (i < 4 || i === S - 1 ? -999 : of(i - 4)));
    const outputs = { start_logits: logits(start), end_logits: logits(end) };
    const { model, sequences } = madeUp("BertForQuestionAnswering", outputs, 512);
    const [found] = await answer(model, [{ question: "Who?", context: words(900) }], options);
    return { candidates: found?.candidates ?? [], text: found?.text.split(" ").length, sequences };
  }

  test("by default there are 20 candidates, in windows of 384 that share a third", async () => {
    const falling = (word: number) => -word;
    const { candidates, sequences } = await askAt(falling, falling);
    expect(candidates).toHaveLength(20);
    expect(sequences[0]?.length).toBe(384);
    const room = 384 - 3 - 2;
    expect(sequences).toHaveLength(Math.ceil((900 - room) / (room - 128)) + 1);
    expect((await askAt(falling, falling, { top: 3 })).candidates).toHaveLength(3);
  });

  test("by default there are at most 30 tokens, however good a longer one were", async () => {
    const first = (word: number) => (word === 0 ? 9 : -99);
    const further = (word: number) => (word < 40 ? word : -99);
    // The best twenty ends are at 20 … 39: of these, 29 is the last within reach.
    expect((await askAt(first, further)).text).toBe(30);
    expect((await askAt(first, further, { maxAnswerTokens: 25 })).text).toBe(25);
    expect((await askAt(first, further, { maxAnswerTokens: 40 })).text).toBe(40);
  });

  test("a window is no longer than the model reads", async () => {
    const { model, sequences } = reader(doubtful);
    await answer(model, [{ question: "Who?", context: words(200) }]);
    expect(sequences[0]?.length).toBe(64);
    expect(sequences[0]?.length).toBe(sequences[1]?.length);
  });
});

test("by default a [MASK] has five candidates, a vector keeps its length, and batches are the model's own", async () => {
  const V = tokenizer.vocabSize;
  const filler = madeUp("BertForMaskedLM", { logits: ({ S }) => Array.from({ length: S * V }, (_, i) => i % V) }, 16);
  const [[mask] = []] = await fillMask(filler.model, ["[MASK]"]);
  expect(mask?.candidates.map(({ id }) => id)).toEqual([V - 1, V - 2, V - 3, V - 4, V - 5]);
  expect(filler.batchTokens).toEqual([undefined]);
  const embedder = madeUp(
    "BertModel",
    { last_hidden_state: ({ S }) => Array.from({ length: 2 * S }, (_, i) => 3 + (i % 2)) },
    16,
  );
  expect([...((await embed(embedder.model, ["the"]))[0] ?? [])]).toEqual([3, 4]);
  const [unit = []] = await embed(embedder.model, ["the"], { normalize: true, batchTokens: 7 });
  expect(Array.from(unit)).toEqual([expect.closeTo(0.6, 6), expect.closeTo(0.8, 6)]);
  expect(embedder.batchTokens).toEqual([undefined, 7]);
});
