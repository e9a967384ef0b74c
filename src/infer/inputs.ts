import { ConfigError, InputError } from "../errors.js";
import { cutLongestFirst } from "../text/cut.js";
import type { EncodedText } from "../text/encoded-text.js";
import type { Sequence } from "./batches.js";
import type { Model } from "./model.js";

/** What came of an input, or why nothing did. */
export type Settled<R> = R | InputError;

/** Which input something belongs to. */
export interface Place {
  readonly index: number;
  /** In words: "texts[2]". */
  readonly where: string;
}

/**
 * Prepares every input and runs those that can be run; the results stand in the order of the inputs.
 *
 * @param prepare throws InputError for an input that cannot be run
 * @param run gives a result for each of those prepared, in their order
 */
export async function settleEach<I, P, R>(
  inputs: readonly I[],
  prepare: (input: I, index: number) => P,
  run: (prepared: readonly P[]) => Promise<readonly R[]>,
): Promise<Settled<R>[]> {
  const prepared: P[] = [];
  const errors = inputs.map((input, index) => {
    try {
      prepared.push(prepare(input, index));
      return null;
    } catch (error) {
      if (error instanceof InputError) return error;
      throw error;
    }
  });
  const results = (await run(prepared))[Symbol.iterator]();
  return errors.map((error) => error ?? (results.next().value as R));
}

/**
 * The results, where every input has one.
 *
 * @throws InputError the first there is
 */
export function allOf<R>(settled: readonly Settled<R>[]): R[] {
  return settled.map((each) => {
    if (each instanceof InputError) throw each;
    return each;
  });
}

/**
 * A text's tokens, of which there is at least one.
 *
 * @param text whatever a caller without types may give
 * @throws InputError when it is not a text, or holds nothing that the tokenizer reads
 */
export function encodeInput(
  { tokenizer }: Model,
  text: unknown,
  { index, where, limit }: Place & { limit?: number },
): EncodedText {
  if (typeof text !== "string") {
    throw new InputError(where, index, `expected a text, got ${text === null ? "null" : typeof text}.`);
  }
  const encoded = tokenizer.encode(text, limit);
  if (encoded.ids.length > 0) return encoded;
  const got = text.trim() === "" ? "an empty one" : `one of ${text.length} characters that all count for nothing`;
  throw new InputError(where, index, `expected a text with words in it, got ${got}.`);
}

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
