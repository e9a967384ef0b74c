import type { QuestionExample } from "../task.js";
import type { MetricName } from "./metrics.js";

/** Figures of answers, as shares. */
export type QuestionFigures = Readonly<Record<Extract<MetricName, "exactMatch" | "squadF1">, number>>;

/** Figures of some of the questions. */
interface QuestionPart extends QuestionFigures {
  readonly count: number;
}

/**
 * How well each question was answered, in the order of the examples: 1 or 0 for an exact match, and F1, each the best
 * over the question's gold answers.
 *
 * The two official scripts part where an answer is articles and punctuation alone, which real dev-v1.1 has: 2.0's drops
 * such gold answers, takes a question left with none as one without an answer, and finds nothing equal to nothing;
 * 1.1's keeps them, with an F1 of 0, and gives 0 to a question without a prediction. Here 2.0 takes one as "".
 *
 * Source: SQuAD's evaluate-v1.1.py and evaluate-v2.0.py.
 *
 * @param answers the text for each question's id, "" for none
 * @param options.hasUnanswerable whether 2.0's script judges
 */
export function questionScores(
  answers: ReadonlyMap<string, string>,
  examples: readonly QuestionExample[],
  { hasUnanswerable }: { hasUnanswerable: boolean },
): QuestionFigures[] {
  return examples.map(({ id, answers: given }) => {
    const answer = answers.get(id);
    if (answer === undefined && !hasUnanswerable) return { exactMatch: 0, squadF1: 0 };
    const predicted = normaliseAnswer(answer ?? "");
    const golds = given.map(({ text }) => normaliseAnswer(text));
    const counted = hasUnanswerable ? golds.filter((gold) => gold !== "") : golds;
    if (counted.length === 0) counted.push("");
    const nothing = hasUnanswerable ? 1 : 0;
    return {
      exactMatch: counted.includes(predicted) ? 1 : 0,
      squadF1: Math.max(...counted.map((gold) => f1Of(predicted, gold, nothing))),
    };
  });
}

/** Means over all questions. */
export function questionMetrics(
  answers: ReadonlyMap<string, string>,
  examples: readonly QuestionExample[],
  options: { hasUnanswerable: boolean },
): QuestionFigures {
  const { exactMatch, squadF1 } = meanOf(questionScores(answers, examples, options));
  return { exactMatch, squadF1 };
}

/** SQuAD 2.0's HasAns and NoAns: means over the questions with an answer, and over those without; null where none is. */
export function questionParts(
  answers: ReadonlyMap<string, string>,
  examples: readonly QuestionExample[],
): Readonly<Record<"hasAnswer" | "noAnswer", QuestionPart | null>> {
  const scores = questionScores(answers, examples, { hasUnanswerable: true });
  const part = (isAnswerable: boolean) => {
    const chosen = scores.filter((_, i) => hasAnswer(examples[i]) === isAnswerable);
    return chosen.length === 0 ? null : meanOf(chosen);
  };
  return { hasAnswer: part(true), noAnswer: part(false) };
}

/** The best that a threshold on null odds can do, and the lowest that does it. */
interface BestThreshold {
  readonly value: number;
  readonly threshold: number;
}

/**
 * For each figure, the threshold on null odds that would have been best: what is above it is not answered.
 *
 * As the official script searches: through the odds in order, from 0, with nothing answered. It is chosen on the very
 * questions it is measured on, so it says what a model could reach, not what it does.
 *
 * Source: find_best_thresh in SQuAD's evaluate-v2.0.py.
 *
 * @param spans the best span for each question's id, whatever its null odds
 * @param nullOdds for each question's id
 */
export function bestNullThresholds(
  spans: ReadonlyMap<string, string>,
  nullOdds: ReadonlyMap<string, number>,
  examples: readonly QuestionExample[],
): Readonly<Record<keyof QuestionFigures, BestThreshold>> {
  const scores = questionScores(spans, examples, { hasUnanswerable: true });
  const odds = examples.map(({ id }) => nullOdds.get(id) ?? 0);
  const order = examples.map((_, i) => i).sort((i, j) => (odds[i] ?? 0) - (odds[j] ?? 0));
  const gain = (i: number, name: keyof QuestionFigures) => {
    if (hasAnswer(examples[i])) return scores[i]?.[name] ?? 0;
    return (spans.get(examples[i]?.id ?? "") ?? "") === "" ? 0 : -1;
  };
  const search = (name: keyof QuestionFigures): BestThreshold => {
    let sum = examples.filter((example) => !hasAnswer(example)).length;
    let best = { sum, threshold: 0 };
    for (const i of order) {
      sum += gain(i, name);
      if (sum > best.sum) best = { sum, threshold: odds[i] ?? 0 };
    }
    return { value: best.sum / examples.length, threshold: best.threshold };
  };
  return { exactMatch: search("exactMatch"), squadF1: search("squadF1") };
}

/** Python's string.punctuation. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;
/** What Python's \b(a|an|the)\b finds in Unicode. */
const ARTICLE = /(?<![\p{L}\p{N}_])(a|an|the)(?![\p{L}\p{N}_])/gu;
/** Where Python's split() cuts: JavaScript's \s knows U+FEFF, and neither U+0085 nor the separators of ASCII. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what Python takes for spaces.
const SPACES = /[\p{White_Space}\x1c-\x1f]+/u;

/** Lower case, without punctuation, articles and more than single spaces. */
export function normaliseAnswer(text: string): string {
  const words = text.toLowerCase().replace(PUNCTUATION, "").replace(ARTICLE, " ").split(SPACES);
  return words.filter((word) => word !== "").join(" ");
}

/** Harmonic mean of precision and recall over words, each counted as often as it stands there; `nothing` of two without. */
function f1Of(predicted: string, gold: string, nothing: number): number {
  if (predicted === "" || gold === "") return predicted === gold ? nothing : 0;
  const [words, goldWords] = [predicted.split(" "), gold.split(" ")];
  const left = new Map<string, number>();
  for (const word of goldWords) left.set(word, (left.get(word) ?? 0) + 1);
  let shared = 0;
  for (const word of words) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    shared += 1;
  }
  return (2 * shared) / (words.length + goldWords.length);
}

function hasAnswer(example: QuestionExample | undefined): boolean {
  return example !== undefined && example.answers.length > 0;
}

function meanOf(scores: readonly QuestionFigures[]): QuestionPart {
  const mean = (name: keyof QuestionFigures) => scores.reduce((sum, score) => sum + score[name], 0) / scores.length;
  return { exactMatch: mean("exactMatch"), squadF1: mean("squadF1"), count: scores.length };
}
