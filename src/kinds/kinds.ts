import { answers } from "./answers.js";
import { classification } from "./classification.js";
import { embedding } from "./embedding.js";
import type { KindRecord } from "./kind-record.js";
import { maskedWords } from "./masked-words.js";
import { regression } from "./regression.js";

/** Kinds whose rows are a text or a pair, with a label or a score: what anybody's own tables may hold. */
export const TEXT_KINDS = ["classification", "regression"] as const;
export type TextKind = (typeof TEXT_KINDS)[number];

/** Kinds whose rows say what is right: what models are fine-tuned on and judged by. */
export const LABELLED_KINDS = [...TEXT_KINDS, "question-answering"] as const;
export type LabelledKind = (typeof LABELLED_KINDS)[number];

/** Every kind of task. What the rooms below add to each is a Record of these: CONTRIBUTING.md lists them. */
export const KINDS = ["masked-words", ...LABELLED_KINDS, "embedding"] as const;
export type Kind = (typeof KINDS)[number];

/** A type for each kind: what lacks one does not compile. */
export type OfKinds<Types extends Readonly<Record<Kind, unknown>>> = Types;
export type OfLabelledKinds<Types extends Readonly<Record<LabelledKind, unknown>>> = Types;

const records = {
  "masked-words": maskedWords,
  classification,
  regression,
  "question-answering": answers,
  embedding,
} as const satisfies Readonly<Record<Kind, KindRecord>>;

/** What a model can be exported for, and a pipeline does. */
export type PipelineTask = (typeof records)[Kind]["pipeline"];

export const KIND_RECORDS: Readonly<Record<Kind, KindRecord<PipelineTask>>> = records;

export const PIPELINE_TASKS: readonly PipelineTask[] = [...new Set(KINDS.map((kind) => KIND_RECORDS[kind].pipeline))];

export function isTextKind(kind: string): kind is TextKind {
  return TEXT_KINDS.some((known) => known === kind);
}
