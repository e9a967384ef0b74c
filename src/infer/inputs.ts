import { ConfigError, InputError } from "../errors.js";
import { type CutSequence, type EncodedText, sequenceOf } from "../text/model-inputs.js";
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

/**
 * [CLS] first [SEP], or [CLS] first [SEP] second [SEP], cut to `maxTokens`; of a pair the longer text is cut first.
 *
 * @throws InputError for a text that is none
 */
export function textSequence(
  model: Model,
  input: string | TextPair,
  { index, where, maxTokens }: Place & { maxTokens: number },
): CutSequence {
  const encode = (text: unknown, part = "") =>
    encodeInput(model, text, { index, where: `${where}${part}`, limit: maxTokens }).ids; // More is cut off in any case.
  const texts =
    typeof input !== "object" || input === null
      ? { first: encode(input), second: null }
      : { first: encode(input.first, ".first"), second: encode(input.second, ".second") };
  return sequenceOf(texts, model.tokenizer.ids, maxTokens);
}

/** @throws ConfigError when a model cannot read sequences of that length */
export function checkMaxTokens(model: Model, maxTokens: number = model.maxTokens, least = 4): number {
  if (Number.isSafeInteger(maxTokens) && maxTokens >= least && maxTokens <= model.maxTokens) return maxTokens;
  throw new ConfigError(
    `maxTokens: expected ${least} to ${model.maxTokens}, which ${model.where} reads; got ${maxTokens}.`,
  );
}
