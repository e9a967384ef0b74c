import type { PassageWindow, Sequence } from "../text/model-inputs.js";
import type { KindRecord } from "./kind-record.js";
import { largest } from "./logits.js";

/** The span of a passage that answers a question. */
export const answers = {
  pipeline: "question-answer",
  hubPipeline: "question-answering",
  modelClass: "ForQuestionAnswering",
  needsHead: true,
  fits: () => true,
  problemType: null,
  purpose: "to answer questions",
  labels: "none",
  columns: { required: ["question", "context"], optional: [] },
  hasMasks: false,
  outputs: [
    { name: "start_logits", shape: ["batch_size", "sequence_length"] },
    { name: "end_logits", shape: ["batch_size", "sequence_length"] },
  ],
  metrics: ["exactMatch", "squadF1"],
  example: '"When does the ferry leave?", "The ferry leaves at seven."',
} as const satisfies KindRecord;

/** What must be known of a question to cut answers out of its passage. */
interface Asked {
  readonly id: string;
  readonly context: string;
}

/** What must be known of a window of it. */
export interface AnswerWindow extends Omit<PassageWindow, keyof Sequence> {
  /** Which example it belongs to. */
  readonly example: number;
}

/** An answer that a model finds possible. */
export interface Candidate {
  /** Cut from the context as it was given; "" says that the passage does not answer. */
  readonly text: string;
  /** Where it begins and ends in the context, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly startLogit: number;
  readonly endLogit: number;
  /** Among the candidates of its question. */
  readonly probability: number;
}

/** What a model answers to one question. */
export interface Answer {
  readonly id: string;
  readonly text: string;
  /** The best span, also where no answer is given; "" where there is none at all. */
  readonly span: string;
  /** The likeliest first. */
  readonly nBest: readonly Candidate[];
  /** How much better no answer scores than the best one; 0 in SQuAD 1.1. */
  readonly nullOdds: number;
}

export interface AnswerOptions {
  /** Starts and ends that are tried in each window. */
  readonly nBest: number;
  /** In tokens. */
  readonly maxAnswerLength: number;
  /** Whether a passage may not answer (SQuAD 2.0). */
  readonly hasUnanswerable: boolean;
  /** No answer is given where `nullOdds` is above this. */
  readonly nullThreshold: number;
}

interface Span {
  readonly start: number;
  readonly end: number;
  readonly startLogit: number;
  readonly endLogit: number;
}

/**
 * The best span of every question, over all its windows.
 *
 * As Hugging Face's postprocess_qa_predictions: in each window the best starts and ends are paired, and kept where both
 * lie in the passage, in order and not too far apart; no answer scores as [CLS] does in the window that likes it least.
 * But padding never takes the place of a start or an end, and where no pair is left the answer is "", not "empty".
 *
 * @param logits of each feature, starts before ends: [2 · S]
 */
export function answersOf(
  examples: readonly Asked[],
  features: readonly AnswerWindow[],
  logits: readonly Float32Array[],
  options: AnswerOptions,
): Answer[] {
  const windows = examples.map((): number[] => []);
  for (const [i, { example }] of features.entries()) windows[example]?.push(i);
  return examples.map((example, index) => {
    const spans: Span[] = [];
    let none: Span | null = null;
    for (const window of windows[index] ?? []) {
      const feature = features[window] as AnswerWindow;
      const given = logits[window] as Float32Array;
      const cls = clsSpan(given);
      if (none === null || scoreOf(cls) < scoreOf(none)) none = cls;
      spans.push(...spansOf(feature, given, options));
    }
    return answerOf(example, spans, none ?? { start: 0, end: 0, startLogit: 0, endLogit: 0 }, options);
  });
}

function clsSpan(logits: Float32Array): Span {
  return { start: 0, end: 0, startLogit: logits[0] ?? 0, endLogit: logits[logits.length / 2] ?? 0 };
}

function spansOf(
  { contextStart, starts, ends }: AnswerWindow,
  logits: Float32Array,
  { nBest, maxAnswerLength }: AnswerOptions,
): Span[] {
  const S = logits.length / 2;
  const [startLogits, endLogits] = [logits.subarray(0, S), logits.subarray(S)];
  const inContext = (token: number) => token >= contextStart && token < contextStart + starts.length;
  const lasts = largest(endLogits, nBest).filter(inContext);
  return largest(startLogits, nBest)
    .filter(inContext)
    .flatMap((first) =>
      lasts
        .filter((last) => last >= first && last - first < maxAnswerLength)
        .map((last) => ({
          start: starts[first - contextStart] ?? 0,
          end: ends[last - contextStart] ?? 0,
          startLogit: startLogits[first] ?? 0,
          endLogit: endLogits[last] ?? 0,
        })),
    )
    .sort((a, b) => scoreOf(b) - scoreOf(a))
    .slice(0, nBest); // No more of one window can be among the best of all: a long passage has thousands of windows.
}

function answerOf(example: Asked, spans: readonly Span[], none: Span, options: AnswerOptions): Answer {
  const { nBest, hasUnanswerable, nullThreshold } = options;
  const ranked = [...spans, ...(hasUnanswerable ? [none] : [])].sort((a, b) => scoreOf(b) - scoreOf(a)).slice(0, nBest);
  if (hasUnanswerable && !ranked.includes(none)) ranked.push(none);
  const candidates = withProbabilities(ranked, example.context);
  const found = candidates.find(({ text }) => text !== "");
  const span = found?.text ?? "";
  if (!hasUnanswerable) return { id: example.id, text: span, span, nBest: candidates, nullOdds: 0 };
  const nullOdds = found === undefined ? Number.MAX_VALUE : scoreOf(none) - scoreOf(found);
  return { id: example.id, text: nullOdds > nullThreshold ? "" : span, span, nBest: candidates, nullOdds };
}

function withProbabilities(spans: readonly Span[], context: string): Candidate[] {
  const most = spans[0] === undefined ? 0 : scoreOf(spans[0]);
  const weights = spans.map((span) => Math.exp(scoreOf(span) - most));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return spans.map(({ start, end, startLogit, endLogit }, i) => ({
    text: context.slice(start, end),
    start,
    end,
    startLogit,
    endLogit,
    probability: (weights[i] ?? 0) / total,
  }));
}

function scoreOf({ startLogit, endLogit }: Pick<Span, "startLogit" | "endLogit">): number {
  return startLogit + endLogit;
}
