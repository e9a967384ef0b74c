import { meanOfTokens, unit } from "../kinds/embedding.js";
import { allOf, checkMaxTokens, type Settled, settleEach, textSequence } from "./inputs.js";
import type { Model, RunOptions } from "./model.js";
import { kindFor } from "./model-config.js";

export interface EmbedOptions extends RunOptions {
  /** Whether vectors are scaled to length 1, so that their product is their cosine. */
  readonly normalize?: boolean | undefined;
  /** Longer texts are cut (default: what the model reads). */
  readonly maxTokens?: number | undefined;
}

/**
 * A vector for each text: the mean of its tokens' last hidden states, [CLS] and [SEP] included.
 *
 * @returns [D] each
 * @throws InputError for the first input that is no text, or an empty one
 * @throws ConfigError when the model was exported with a head
 */
export async function embed(
  model: Model,
  texts: readonly string[],
  options: EmbedOptions = {},
): Promise<Float32Array[]> {
  return allOf(await embedSettled(model, texts, options));
}

/** As `embed`, but a text that has no vector has its error in the place of it. */
export async function embedSettled(
  model: Model,
  texts: readonly string[],
  options: EmbedOptions = {},
): Promise<Settled<Float32Array>[]> {
  const kind = kindFor(model, "embed");
  const maxTokens = checkMaxTokens(model, options.maxTokens);
  return settleEach(
    texts,
    (text, index) => textSequence(model, text, { index, where: `texts[${index}]`, maxTokens }),
    (sequences) =>
      model.runEach(
        kind,
        sequences,
        (hidden, i) => {
          const vector = meanOfTokens(hidden, hidden.length / (sequences[i]?.ids.length ?? 1)); // [S, D]
          return options.normalize ? unit(vector) : vector;
        },
        options,
      ),
  );
}
