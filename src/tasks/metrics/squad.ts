import type { QuestionExample } from "../task.js";
import type { MetricName } from "./metrics.js";

/**
 * Exact match and F1 of answers, as shares: the best over a question's gold answers, the mean over questions.
 *
 * A question without an answer is matched by "" alone. Source: SQuAD's evaluate-v1.1.py and evaluate-v2.0.py.
 *
 * @param answers the text for each question's id; one that is missing counts as ""
 */
export function questionMetrics(
  answers: ReadonlyMap<string, string>,
  examples: readonly QuestionExample[],
): Partial<Record<MetricName, number>> {
  let exactMatch = 0;
  let squadF1 = 0;
  for (const { id, answers: given } of examples) {
    const text = answers.get(id) ?? "";
    // A gold answer of articles and punctuation alone says nothing, as the official script has it.
    const wordy = given.map((answer) => answer.text).filter((gold) => normaliseAnswer(gold) !== "");
    const golds = wordy.length > 0 ? wordy : [""];
    exactMatch += Math.max(...golds.map((gold) => exactMatchOf(text, gold)));
    squadF1 += Math.max(...golds.map((gold) => f1Of(text, gold)));
  }
  return { exactMatch: exactMatch / examples.length, squadF1: squadF1 / examples.length };
}

/** Python's string.punctuation. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;

/** Lower case, without punctuation, articles and more than single spaces. */
export function normaliseAnswer(text: string): string {
  return text
    .toLowerCase()
    .replace(PUNCTUATION, "")
    .replace(/(?<![\p{L}\p{N}_])(a|an|the)(?![\p{L}\p{N}_])/gu, " ")
    .split(/\s+/u)
    .filter((word) => word !== "")
    .join(" ");
}

function exactMatchOf(answer: string, gold: string): number {
  return normaliseAnswer(answer) === normaliseAnswer(gold) ? 1 : 0;
}

/** Harmonic mean of precision and recall over words, each counted as often as it stands there. */
function f1Of(answer: string, gold: string): number {
  const [predicted, true_] = [answer, gold].map((text) => normaliseAnswer(text).split(" ").filter(Boolean)) as [
    string[],
    string[],
  ];
  if (predicted.length === 0 || true_.length === 0) return predicted.length === true_.length ? 1 : 0;
  const left = new Map<string, number>();
  for (const word of true_) left.set(word, (left.get(word) ?? 0) + 1);
  let shared = 0;
  for (const word of predicted) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    shared += 1;
  }
  return shared === 0 ? 0 : (2 * shared) / (predicted.length + true_.length);
}
