import type { KindRecord } from "./kind-record.js";

/** A vector for a text. */
export const embedding = {
  pipeline: "embed",
  hubPipeline: "feature-extraction",
  modelClass: "Model",
  needsHead: false,
  fits: () => true,
  problemType: null,
  purpose: "to embed texts",
  labels: "none",
  columns: { required: ["text"], optional: [] },
  hasMasks: false,
  outputs: [{ name: "last_hidden_state", shape: ["batch_size", "sequence_length", "hidden_size"] }],
  metrics: [],
  example: '"The ferry leaves at seven.", { pooling: "mean", normalize: true }',
} as const satisfies KindRecord;

/** The mean of tokens' hidden states: [N, D] -> [D] */
export function meanOfTokens(rows: Float32Array, D: number): Float32Array {
  const sum = new Float64Array(D);
  for (let at = 0; at < rows.length; at += D) for (let d = 0; d < D; d++) sum[d] = (sum[d] ?? 0) + (rows[at + d] ?? 0);
  return Float32Array.from(sum, (value) => value / (rows.length / D));
}

/** A vector scaled to length 1. */
export function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return length === 0 ? vector : vector.map((value) => value / length);
}
