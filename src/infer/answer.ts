import { ConfigError, InputError } from "../errors.js";
import { answersOf, type Candidate, type AnswerOptions as SpanOptions } from "../kinds/answers.js";
import { longestQuestion, type PassageWindow, passageWindows } from "../text/model-inputs.js";
import { allOf, checkMaxTokens, encodeInput, type Place, type Settled, settleEach } from "./inputs.js";
import type { Model, RunOptions } from "./model.js";
import { kindFor } from "./model-config.js";

/** A question, and the passage that is to answer it. */
export interface Question {
  readonly question: string;
  readonly context: string;
}

/** What a model answers. */
export interface Answer {
  /** Cut from the passage as it was given; "" where it does not answer. */
  readonly text: string;
  /** Where it begins and ends in the passage, in UTF-16 units; null where it does not answer. */
  readonly start: number | null;
  readonly end: number | null;
  /** Among the candidates. */
  readonly probability: number;
  /** The likeliest first; "" is no answer. */
  readonly candidates: readonly Candidate[];
  /** How much better no answer scores than the best one; 0 where a passage must answer. */
  readonly nullOdds: number;
}

export interface AnswerOptions extends RunOptions {
  /** Of a window: question, passage and marks (default: 384, or what the model reads). */
  readonly windowTokens?: number | undefined;
  /** Tokens of the passage that neighbouring windows share (default: a third of the window). */
  readonly windowStride?: number | undefined;
  /** Candidates (default: 20). */
  readonly top?: number | undefined;
  /** In tokens (default: 30). */
  readonly maxAnswerTokens?: number | undefined;
  /** Whether a passage may not answer: for models that were fine-tuned so, as on SQuAD 2.0. */
  readonly mayBeUnanswerable?: boolean | undefined;
  /** No answer is given where `nullOdds` is above this (default: 0). */
  readonly nullThreshold?: number | undefined;
}

const WINDOW_TOKENS = 384;

/**
 * Answers questions by spans of their passages, which may be of any length: they are read in windows.
 *
 * @throws InputError for the first question or passage that is no text, or an empty one
 * @throws ConfigError when the model does not answer questions, or windows would hardly move on
 */
export async function answer(
  model: Model,
  questions: readonly Question[],
  options: AnswerOptions = {},
): Promise<Answer[]> {
  return allOf(await answerSettled(model, questions, options));
}

/** As `answer`, but a question that cannot be answered has its error in the place of its answer. */
export async function answerSettled(
  model: Model,
  questions: readonly Question[],
  options: AnswerOptions = {},
): Promise<Settled<Answer>[]> {
  const kind = kindFor(model, "question-answer");
  const shape = windowShape(model, options);
  return settleEach(
    questions,
    (question, index) => prepare(model, question, { index, where: `questions[${index}]` }, shape),
    async (prepared) => {
      const all = prepared.flatMap(({ windows }, example) => windows.map((window) => ({ ...window, example })));
      const logits = await model.runEach(kind, all, (startsAndEnds) => startsAndEnds, options); // [2 · S]
      return answersOf(prepared, all, logits, spanOptions(options)).map(({ text, nBest, nullOdds }) => {
        const best = nBest.find((candidate) => candidate.text === text);
        const isAnswer = text !== "" && best !== undefined;
        const [start, end] = isAnswer ? [best.start, best.end] : [null, null];
        return { text, start, end, probability: best?.probability ?? 0, candidates: nBest, nullOdds };
      });
    },
  );
}

interface WindowShape {
  readonly sequenceLength: number;
  readonly windowStride: number;
}

interface Prepared {
  readonly id: string;
  readonly context: string;
  readonly windows: readonly PassageWindow[];
}

function windowShape(model: Model, { windowTokens, windowStride }: AnswerOptions): WindowShape {
  const sequenceLength = checkMaxTokens(model, windowTokens ?? Math.min(WINDOW_TOKENS, model.maxTokens), 8);
  const shape = { sequenceLength, windowStride: windowStride ?? Math.floor(sequenceLength / 3) };
  if (shape.windowStride >= 0 && longestQuestion(shape) >= 1) return shape;
  throw new ConfigError(
    `windowStride: expected well below windowTokens ${sequenceLength}, got ${shape.windowStride}. Windows would hardly move on.`,
  );
}

function spanOptions(options: AnswerOptions): SpanOptions {
  return {
    nBest: options.top ?? 20,
    maxAnswerLength: options.maxAnswerTokens ?? 30,
    hasUnanswerable: options.mayBeUnanswerable ?? false,
    nullThreshold: options.nullThreshold ?? 0,
  };
}

function prepare(model: Model, given: Question, { index, where }: Place, shape: WindowShape): Prepared {
  if (typeof given !== "object" || given === null) {
    throw new InputError(where, index, `expected a question and its context, got ${JSON.stringify(given)}.`);
  }
  const { question, context } = given;
  const limit = longestQuestion(shape);
  const asked = encodeInput(model, question, { index, where: `${where}.question`, limit });
  const passage = encodeInput(model, context, { index, where: `${where}.context` });
  return { id: String(index), context, windows: passageWindows(asked.ids, passage, shape, model.tokenizer.ids) };
}
