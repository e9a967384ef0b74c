import { InputError } from "../../errors.js";
import type { Classification } from "../../infer/classify.js";
import type { Settled } from "../../infer/inputs.js";
import type { Predictions } from "../../infer/predict.js";
import type { Kind } from "../../kinds/kinds.js";
import { percent } from "../../quantities.js";
import type { GivenInput } from "../flags/predict-inputs.js";

/** How a pipeline's results are printed. */
interface Printer<P> {
  /** For people. */
  lines(prediction: P): string[];
  /** What a line of JSON says of it. */
  json(prediction: P): object;
}

const CLASSIFICATIONS: Printer<Classification> = {
  lines: (given) => {
    const words = "score" in given ? given.score.toFixed(4) : `${share(given.probability)}  ${given.label}`;
    return [words + (given.isCut ? "  (of its beginning: the text is longer than the model reads)" : "")];
  },
  json: (given) => given,
};

const PRINTERS: { readonly [K in Kind]: Printer<Predictions[K]> } = {
  "masked-words": {
    lines: (masks) => {
      const most = Math.max(...masks.flatMap(({ candidates }) => candidates.map(({ token }) => token.length)));
      return masks.flatMap(({ candidates }) =>
        candidates.map(({ token, probability, text }) => `${share(probability)}  ${token.padEnd(most)}  ${text}`),
      );
    },
    json: (masks) => ({ masks }),
  },
  classification: CLASSIFICATIONS,
  regression: CLASSIFICATIONS,
  "question-answering": {
    lines: ({ probability, text }) => [`${share(probability)}  ${text || "(no answer)"}`],
    json: (answer) => answer,
  },
  embedding: {
    lines: (vector) => [Array.from(vector, (value) => value.toPrecision(6)).join(" ")],
    json: (vector) => ({ embedding: Array.from(vector, shortest) }),
  },
};

/** One line of JSON: the result, or `error`; `index` counts the inputs from 0. */
export function jsonLine<K extends Kind>(
  kind: K,
  prediction: Settled<Predictions[K]>,
  { given, index }: { given: GivenInput; index: number },
): string {
  const printer: Printer<Predictions[K]> = PRINTERS[kind];
  const named = { index, ...(given.id === null ? {} : { id: given.id }) };
  const said = prediction instanceof InputError ? { error: errorText(prediction, given) } : printer.json(prediction);
  return `${JSON.stringify({ ...named, ...said })}\n`;
}

/** Lines for people. */
export function plainLines<K extends Kind>(kind: K, prediction: Predictions[K]): string {
  const printer: Printer<Predictions[K]> = PRINTERS[kind];
  return `${printer.lines(prediction).join("\n")}\n`;
}

/** An error, named as the input is known to whoever gave it. */
export function errorText({ message }: InputError, { where }: GivenInput): string {
  return message.replace(/^(texts|questions)\[\d+\]/, where); // A pipeline counts within the batch that it was given.
}

/** Nine digits tell every f32 from the next. */
function shortest(value: number): number {
  return Number(value.toPrecision(9));
}

function share(probability: number): string {
  return percent(probability).padStart(7);
}
