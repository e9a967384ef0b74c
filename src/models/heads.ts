import type { EncoderConfig } from "../families/config.js";
import { type Kind, LABELLED_KINDS, type OfKinds } from "../kinds/kinds.js";
import { Encoder } from "./encoder.js";
import { MaskedLm } from "./masked-lm.js";
import { QuestionAnswering } from "./question-answering.js";
import { SequenceClassifier } from "./sequence-classifier.js";

/** The model of each kind: an encoder with the kind's head, or the encoder alone. */
export type Models = OfKinds<{
  readonly "masked-words": MaskedLm;
  readonly classification: SequenceClassifier;
  readonly regression: SequenceClassifier;
  readonly "question-answering": QuestionAnswering;
  readonly embedding: Encoder;
}>;

interface Head<M> {
  /** @param labelCount outputs for a text; 0 where a kind has none */
  create(config: EncoderConfig, labelCount: number): M;
  /** What the names of its parameters begin with. */
  readonly parts: readonly string[];
  /** The parameter by which a folder is known to have it, with a row for each output; null for the encoder alone. */
  readonly mark: string | null;
}

const CLASSIFIER: Head<SequenceClassifier> = {
  create: (config, labelCount) => new SequenceClassifier(config, labelCount),
  parts: ["classifier.", "preClassifier."],
  mark: "classifier.weight",
};

export const HEADS: { readonly [K in Kind]: Head<Models[K]> } = {
  "masked-words": { create: (config) => new MaskedLm(config), parts: ["mlm."], mark: "mlm.transform.weight" },
  classification: CLASSIFIER,
  regression: CLASSIFIER,
  "question-answering": {
    create: (config) => new QuestionAnswering(config),
    parts: ["qaOutputs."],
    mark: "qaOutputs.weight",
  },
  embedding: { create: (config) => new Encoder(config), parts: [], mark: null },
};

/** Whether a parameter is of a head that fine-tuning draws. */
export function isTaskParameter(name: string): boolean {
  return LABELLED_KINDS.some((kind) => HEADS[kind].parts.some((part) => name.startsWith(part)));
}
