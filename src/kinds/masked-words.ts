import type { KindRecord } from "./kind-record.js";

/** Words that are found where a text has [MASK]. */
export const maskedWords = {
  pipeline: "fill-mask",
  hubPipeline: "fill-mask",
  modelClass: "ForMaskedLM",
  needsHead: true,
  fits: () => true,
  problemType: null,
  purpose: "to find masked words",
  labels: "none",
  columns: { required: ["text"], optional: [] },
  hasMasks: true,
  outputs: [{ name: "logits", shape: ["batch_size", "sequence_length", "vocabulary_size"] }],
  metrics: [],
  example: '"The ferry leaves at [MASK]."',
} as const satisfies KindRecord;

/** A piece in the place of a [MASK]; one that goes on with a word takes no blank before it. */
export function filled(text: string, { start, end, token }: { start: number; end: number; token: string }): string {
  const before = text.slice(0, start);
  const isRest = token.startsWith("##");
  return (isRest ? before.trimEnd() + token.slice(2) : before + token) + text.slice(end);
}
