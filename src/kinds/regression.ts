import type { HeadFacts, KindRecord } from "./kind-record.js";

/** A number for a text or a pair. */
export const regression = {
  pipeline: "classify",
  hubPipeline: "text-classification",
  modelClass: "ForSequenceClassification",
  needsHead: true,
  fits: isScore,
  problemType: "regression",
  purpose: "to give scores",
  labels: "one",
  columns: { required: ["text"], optional: ["second"] },
  hasMasks: false,
  outputs: [{ name: "logits", shape: ["batch_size", "label_count"] }],
  metrics: ["pearson", "spearman"],
  example: '"The ferry was late again."',
} as const satisfies KindRecord;

/** Whether a classifier's head gives a score, and no label. */
export function isScore({ labelCount, problemType }: HeadFacts): boolean {
  return problemType === "regression" || labelCount === 1;
}
