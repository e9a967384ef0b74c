import { InputError } from "../../errors.js";
import type { Answer } from "../../infer/answer.js";
import type { Classification } from "../../infer/classify.js";
import type { FilledMask } from "../../infer/fill-mask.js";
import type { Settled } from "../../infer/inputs.js";
import type { GivenInput } from "../flags/predict-inputs.js";

/** What a pipeline says of an input. */
export type Prediction = Classification | Answer | readonly FilledMask[] | Float32Array;

/** One line of JSON: the result, or `error`; `index` counts the inputs from 0. */
export function jsonLine(prediction: Settled<Prediction>, given: GivenInput, index: number): string {
  const named = { index, ...(given.id === null ? {} : { id: given.id }) };
  return `${JSON.stringify({ ...named, ...jsonOf(prediction, given) })}\n`;
}

/** Lines for people. */
export function plainLines(prediction: Prediction): string {
  return `${linesOf(prediction).join("\n")}\n`;
}

/** An error, named as the input is known to whoever gave it. */
export function errorText({ message }: InputError, { where }: GivenInput): string {
  return message.replace(/^(texts|questions)\[\d+\]/, where); // A pipeline counts within the batch that it was given.
}

function jsonOf(prediction: Settled<Prediction>, given: GivenInput): object {
  if (prediction instanceof InputError) return { error: errorText(prediction, given) };
  if (prediction instanceof Float32Array) return { embedding: Array.from(prediction, shortest) };
  return Array.isArray(prediction) ? { masks: prediction } : prediction;
}

/** Nine digits tell every f32 from the next. */
function shortest(value: number): number {
  return Number(value.toPrecision(9));
}

function linesOf(prediction: Prediction): string[] {
  if (prediction instanceof Float32Array) return [Array.from(prediction, (value) => value.toPrecision(6)).join(" ")];
  if ("score" in prediction) return [prediction.score.toFixed(4) + cutNote(prediction)];
  if ("label" in prediction) return [`${share(prediction.probability)}  ${prediction.label}${cutNote(prediction)}`];
  if ("candidates" in prediction) return [`${share(prediction.probability)}  ${prediction.text || "(no answer)"}`];
  const most = Math.max(...prediction.flatMap(({ candidates }) => candidates.map(({ token }) => token.length)));
  return prediction.flatMap(({ candidates }) =>
    candidates.map(({ token, probability, text }) => `${share(probability)}  ${token.padEnd(most)}  ${text}`),
  );
}

function share(probability: number): string {
  return `${(100 * probability).toFixed(1).padStart(5)} %`;
}

function cutNote({ isCut }: { readonly isCut: boolean }): string {
  return isCut ? "  (of its beginning: the text is longer than the model reads)" : "";
}
