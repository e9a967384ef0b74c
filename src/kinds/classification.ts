import type { KindRecord } from "./kind-record.js";
import { softmax } from "./logits.js";
import { isScore } from "./regression.js";

/** One of several labels for a text or a pair. */
export const classification = {
  pipeline: "classify",
  hubPipeline: "text-classification",
  modelClass: "ForSequenceClassification",
  needsHead: true,
  fits: (head) => !isScore(head),
  problemType: "single_label_classification",
  purpose: "to classify texts",
  labels: "several",
  columns: { required: ["text"], optional: ["second"] },
  hasMasks: false,
  outputs: [{ name: "logits", shape: ["batch_size", "label_count"] }],
  metrics: ["accuracy", "f1"],
  example: '"The ferry was late again."',
} as const satisfies KindRecord;

/** All labels, the likeliest first. */
export function rankedLabels(
  logits: Float32Array,
  labels: readonly string[],
): { readonly label: string; readonly probability: number }[] {
  const ranked = Array.from(softmax(logits), (probability, i) => ({ label: labels[i] ?? `LABEL_${i}`, probability }));
  return ranked.sort((a, b) => b.probability - a.probability);
}
