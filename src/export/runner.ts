/** Sequences padded to one length, row after row. */
export interface RunnerBatch {
  /** [B, S] */
  readonly inputIds: Int32Array;
  /** [B, S] */
  readonly tokenTypeIds: Uint8Array;
  /** [B, S], 1 at real tokens and 0 at padding; null when nothing is padded. */
  readonly attentionMask: Uint8Array | null;
  readonly B: number;
  readonly S: number;
}

/** A model that can be run: Limbeck's own, or a file of ONNX. Outputs lie as the graph's do, by its names. */
export interface Runner {
  run(batch: RunnerBatch): Promise<ReadonlyMap<string, Float32Array>>;
  close(): Promise<void>;
}
