import { ConfigError } from "../errors.js";
import { cutLongestFirst } from "../text/cut.js";
import type { Sequence } from "./batches.js";
import { encodeInput, type Place } from "./inputs.js";
import type { Model } from "./model.js";

/** Two texts that belong together: premise and hypothesis, question and answer. */
export interface TextPair {
  readonly first: string;
  readonly second: string;
}

/** A text or a pair as a model reads it. */
export interface TextSequence extends Sequence {
  /** Whether it was longer than the model reads: what came behind counts for nothing. */
  readonly isCut: boolean;
}

/** [CLS] text [SEP] → its ids. */
export function framed(ids: Uint32Array, { cls, sep }: Model["tokenizer"]["ids"]): Uint32Array {
  const whole = new Uint32Array(ids.length + 2).fill(sep);
  whole[0] = cls;
  whole.set(ids, 1);
  return whole;
}

/**
 * [CLS] first [SEP], or [CLS] first [SEP] second [SEP], cut to `maxTokens`; of a pair the longer text is cut first.
 *
 * @throws InputError for a text that is none
 */
export function textSequence(
  model: Model,
  input: string | TextPair,
  { index, where, maxTokens }: Place & { maxTokens: number },
): TextSequence {
  const { ids } = model.tokenizer;
  const limit = maxTokens; // Of each: more is cut off in any case.
  if (typeof input !== "object" || input === null) {
    const { ids: all } = encodeInput(model, input, { index, where, limit });
    const whole = framed(all.subarray(0, maxTokens - 2), ids);
    return { ids: whole, secondAt: whole.length, isCut: all.length > maxTokens - 2 };
  }
  const first = encodeInput(model, input.first, { index, where: `${where}.first`, limit }).ids;
  const second = encodeInput(model, input.second, { index, where: `${where}.second`, limit }).ids;
  const [a, b] = cutLongestFirst([first, second], { room: maxTokens - 3, limit });
  return { ...pairSequence(a, b, ids), isCut: a.length + b.length < first.length + second.length };
}

/** [CLS] first [SEP] second [SEP] */
export function pairSequence(
  first: Uint32Array,
  second: Uint32Array,
  { cls, sep }: Model["tokenizer"]["ids"],
): Sequence {
  const secondAt = first.length + 2;
  const ids = new Uint32Array(secondAt + second.length + 1).fill(sep);
  ids[0] = cls;
  ids.set(first, 1);
  ids.set(second, secondAt);
  return { ids, secondAt };
}

/** @throws ConfigError when a model cannot read sequences of that length */
export function checkMaxTokens(model: Model, maxTokens: number = model.maxTokens, least = 4): number {
  if (Number.isSafeInteger(maxTokens) && maxTokens >= least && maxTokens <= model.maxTokens) return maxTokens;
  throw new ConfigError(
    `maxTokens: expected ${least} to ${model.maxTokens}, which ${model.where} reads; got ${maxTokens}.`,
  );
}
