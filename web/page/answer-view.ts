import type { Answer } from "../../src/infer/answer.js";
import type { Classification } from "../../src/infer/classify.js";
import type { FilledMask } from "../../src/infer/fill-mask.js";
import type { Kind } from "../../src/kinds/kinds.js";
import type { Fields, Output, Said } from "../protocol.js";
import { percent } from "./figures.js";

/** An answer, ready to be shown. */
export interface AnswerView {
  /** The answer itself, large. */
  readonly headline: readonly Piece[];
  /** Where it was found. */
  readonly excerpt: readonly Piece[];
  readonly groups: readonly BarGroup[];
  readonly note: string;
  /** For those who hear the page. */
  readonly spoken: string;
}

export interface Piece {
  readonly text: string;
  readonly isMarked: boolean;
}

export interface BarGroup {
  /** "" where there is but one. */
  readonly title: string;
  readonly bars: readonly Bar[];
}

export interface Bar {
  readonly label: string;
  /** What stands behind it, exact: a probability or a cosine. */
  readonly value: number;
  readonly shown: string;
  /** Of the bar's length, in [0, 1]; null where it has no ends. */
  readonly share: number | null;
}

const MOST_BARS = 5;

/** How far an excerpt goes on either side of an answer, in UTF-16 units. */
const AROUND = 90;

type View<S> = (said: S, fields: Fields) => AnswerView;

const VIEWS: { readonly [K in Kind]: View<Said[K]> } = {
  "masked-words": (masks, { text = "" }) => masksView(masks, text),
  classification: classificationView,
  regression: classificationView,
  "question-answering": (answer, { context = "" }) => answerView(answer, context),
  embedding: cosineView,
};

export function viewOf<K extends Kind>({ task, said }: Output<K>, fields: Fields): AnswerView {
  const view: View<Said[K]> = VIEWS[task];
  return view(said, fields);
}

function masksView(masks: readonly FilledMask[], text: string): AnswerView {
  const headline: Piece[] = [];
  let at = 0;
  for (const { start, candidates } of masks) {
    headline.push(plain(text.slice(at, start)), marked(candidates[0]?.token ?? ""));
    at = start + "[MASK]".length;
  }
  headline.push(plain(text.slice(at)));
  const groups = masks.map(({ candidates }, i) => ({
    title: masks.length === 1 ? "" : `Blank ${i + 1}`,
    bars: candidates.map(({ token, probability }) => bar(token, probability)),
  }));
  const best = masks.map(({ candidates: [first] }) => (first ? `${first.token}, ${percent(first.probability)}` : ""));
  return { headline, excerpt: [], groups, note: "", spoken: best.join("; ") };
}

function answerView({ text, start, end, probability, candidates }: Answer, context: string): AnswerView {
  const bars = candidates
    .filter((candidate) => candidate.text !== "")
    .slice(0, MOST_BARS)
    .map((candidate) => bar(candidate.text, candidate.probability));
  const groups = [{ title: "", bars }];
  if (start === null || end === null) {
    const none = "The passage does not answer it.";
    return { headline: [plain(none)], excerpt: [], groups, note: "", spoken: none };
  }
  const excerpt = [
    plain(ending(context.slice(0, start))),
    marked(context.slice(start, end)),
    plain(beginning(context.slice(end))),
  ];
  return { headline: [plain(text)], excerpt, groups, note: "", spoken: `${text}, ${percent(probability)}` };
}

/** The last words of a text. */
function ending(text: string): string {
  return text.length <= AROUND ? text : `… ${text.slice(-AROUND).replace(/^\S*\s+/, "")}`;
}

/** The first words of a text. */
function beginning(text: string): string {
  return text.length <= AROUND ? text : `${text.slice(0, AROUND).replace(/\s+\S*$/, "")} …`;
}

function classificationView(classification: Classification): AnswerView {
  const note = classification.isCut ? "The text is longer than the model reads: its end counts for nothing." : "";
  if ("score" in classification) {
    const score = classification.score.toFixed(2).replace("-", "−");
    const groups = [{ title: "", bars: [{ ...bar("Score", classification.score), shown: score, share: null }] }];
    return { headline: [plain(score)], excerpt: [], groups, note, spoken: `score ${score}` };
  }
  const { label, probability, labels } = classification;
  const bars = labels.slice(0, MOST_BARS).map((each) => bar(each.label, each.probability));
  const spoken = `${label}, ${percent(probability)}`;
  return { headline: [plain(label)], excerpt: [], groups: [{ title: "", bars }], note, spoken };
}

function cosineView(cosine: number): AnswerView {
  const shown = cosine.toFixed(3).replace("-", "−");
  const bars = [
    { label: "Cosine of their embeddings, 1 for the same", value: cosine, shown, share: Math.max(0, cosine) },
  ];
  return { headline: [plain(shown)], excerpt: [], groups: [{ title: "", bars }], note: "", spoken: `cosine ${shown}` };
}

function bar(label: string, probability: number): Bar {
  return { label, value: probability, shown: percent(probability), share: probability };
}

function plain(text: string): Piece {
  return { text, isMarked: false };
}

function marked(text: string): Piece {
  return { text, isMarked: true };
}
