import { InputError } from "../errors.js";
import { largest } from "../kinds/logits.js";
import { filled } from "../kinds/masked-words.js";
import { type CutSequence, singleSequence } from "../text/model-inputs.js";
import { allOf, checkMaxTokens, encodeInput, type Place, type Settled, settleEach } from "./inputs.js";
import type { Model, RunOptions } from "./model.js";
import { kindFor } from "./model-config.js";

/** What a model puts at one [MASK]. */
export interface FilledMask {
  /** Where the [MASK] begins in the text, in UTF-16 units. */
  readonly start: number;
  /** The likeliest first. */
  readonly candidates: readonly MaskCandidate[];
}

export interface MaskCandidate {
  /** A word piece; one that goes on with a word begins with "##". */
  readonly token: string;
  readonly id: number;
  readonly probability: number;
  /** The text with the piece in the place of this [MASK]. */
  readonly text: string;
}

export interface FillMaskOptions extends RunOptions {
  /** Candidates for each [MASK] (default: 5). */
  readonly top?: number | undefined;
}

/**
 * The likeliest word pieces for every [MASK] of every text.
 *
 * @returns of each text its masks, in their order
 * @throws InputError for the first text that has no [MASK], or one that is further on than the model reads
 * @throws ConfigError when the model is no masked-language model
 */
export async function fillMask(
  model: Model,
  texts: readonly string[],
  options: FillMaskOptions = {},
): Promise<FilledMask[][]> {
  return allOf(await fillMaskSettled(model, texts, options));
}

/** As `fillMask`, but a text that cannot be filled has its error in the place of its result. */
export async function fillMaskSettled(
  model: Model,
  texts: readonly string[],
  { top = 5, ...options }: FillMaskOptions = {},
): Promise<Settled<FilledMask[]>[]> {
  const kind = kindFor(model, "fill-mask");
  return settleEach(
    texts,
    (text, index) => maskedSequence(model, text, { index, where: `texts[${index}]` }),
    (sequences) =>
      model.runEach(
        kind,
        sequences,
        (logits, i) => {
          const { text, masks, ids } = sequences[i] as MaskedSequence;
          const V = logits.length / ids.length; // [S, V]
          return masks.map(({ position, start, end }) => {
            const own = logits.subarray(position * V, (position + 1) * V);
            const ranked = likeliest(own, Math.min(top, model.tokenizer.vocabSize));
            const candidates = ranked.map(({ id, probability }) => {
              const token = model.tokenizer.idToToken(id) ?? "";
              return { token, id, probability, text: filled(text, { start, end, token }) };
            });
            return { start, candidates };
          });
        },
        options,
      ),
  );
}

interface MaskedSequence extends CutSequence {
  readonly text: string;
  /** Where each stands in the sequence, and in the text. */
  readonly masks: readonly { position: number; start: number; end: number }[];
}

function maskedSequence(model: Model, text: string, { index, where }: Place): MaskedSequence {
  const { ids } = model.tokenizer;
  const room = checkMaxTokens(model) - 2;
  const encoded = encodeInput(model, text, { index, where });
  const masks = Array.from(encoded.ids, (id, token) => ({ id, token }))
    .filter(({ id }) => id === ids.mask)
    .map(({ token }) => ({
      position: token + 1,
      start: encoded.starts[token] ?? 0,
      end: encoded.ends[token] ?? 0,
    }));
  const last = masks.at(-1);
  if (last === undefined) throw new InputError(where, index, "expected a [MASK] in the text, got none.");
  if (last.position > room) {
    throw new InputError(
      where,
      index,
      `expected every [MASK] within the ${room} tokens that the model reads, got one at token ${last.position}.`,
    );
  }
  return { ...singleSequence(encoded.ids.subarray(0, room), ids), isCut: encoded.ids.length > room, text, masks };
}

/** The `count` largest logits with their probabilities, the largest first. */
function likeliest(logits: Float32Array, count: number): { id: number; probability: number }[] {
  const found = largest(logits, count);
  const most = logits[found[0] ?? 0] ?? 0;
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - most);
  return found.map((id) => ({ id, probability: Math.exp((logits[id] ?? 0) - most) / total }));
}
