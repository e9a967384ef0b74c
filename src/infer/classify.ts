import { ConfigError } from "../errors.js";
import { rankedLabels } from "../kinds/classification.js";
import { KIND_RECORDS, type Kind } from "../kinds/kinds.js";
import { allOf, checkMaxTokens, type Settled, settleEach, type TextPair, textSequence } from "./inputs.js";
import type { Model, RunOptions } from "./model.js";
import { kindFor } from "./model-config.js";

/** What a classifier says of a text: a label, or a score where it was trained to give one. */
export type Classification = Labelled | Scored;

export interface Labelled {
  /** The likeliest. */
  readonly label: string;
  readonly probability: number;
  /** All of them, the likeliest first. */
  readonly labels: readonly { readonly label: string; readonly probability: number }[];
  /** Whether the text was longer than the model reads. */
  readonly isCut: boolean;
}

export interface Scored {
  readonly score: number;
  readonly isCut: boolean;
}

export interface ClassifyOptions extends RunOptions {
  /** Longer texts are cut (default: what the model reads). */
  readonly maxTokens?: number | undefined;
}

/**
 * Classifies texts, or pairs of texts.
 *
 * @throws InputError for the first input that is no text, or an empty one
 * @throws ConfigError when the model is no classifier
 */
export async function classify(
  model: Model,
  inputs: readonly (string | TextPair)[],
  options: ClassifyOptions = {},
): Promise<Classification[]> {
  return allOf(await classifySettled(model, inputs, options));
}

/** As `classify`, but an input that cannot be classified has its error in the place of its result. */
export async function classifySettled(
  model: Model,
  inputs: readonly (string | TextPair)[],
  options: ClassifyOptions = {},
): Promise<Settled<Classification>[]> {
  const kind = kindFor(model, "classify");
  const labels = labelsOf(model, kind);
  const maxTokens = checkMaxTokens(model, options.maxTokens);
  return settleEach(
    inputs,
    (input, index) => textSequence(model, input, { index, where: `texts[${index}]`, maxTokens }),
    (sequences) =>
      model.runEach(
        kind,
        sequences,
        (logits, i) => classification(logits, labels, sequences[i]?.isCut ?? false), // [labels]
        options,
      ),
  );
}

/** null where the model gives a score. */
function labelsOf({ where, config }: Model, kind: Kind): readonly string[] | null {
  if (config.problemType === "multi_label_classification") {
    throw new ConfigError(
      `${where}: expected a model that chooses one label, got one for several (${config.problemType}).`,
    );
  }
  return KIND_RECORDS[kind].labels === "one" ? null : (config.labels ?? ["LABEL_0", "LABEL_1"]);
}

function classification(logits: Float32Array, labels: readonly string[] | null, isCut: boolean): Classification {
  if (labels === null) return { score: logits[0] ?? Number.NaN, isCut };
  const ranked = rankedLabels(logits, labels);
  const { label, probability } = ranked[0] as (typeof ranked)[number];
  return { label, probability, labels: ranked, isCut };
}
