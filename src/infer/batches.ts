/** One sequence as a model reads it. */
export interface Sequence {
  /** Special tokens included. */
  readonly ids: Uint32Array;
  /** Where the second text begins: token types are 1 from there on. */
  readonly secondAt: number;
}

/** Sequences padded to one length, row after row. */
export interface Batch {
  /** [B, S] */
  readonly inputIds: BigInt64Array<ArrayBuffer>;
  /** [B, S], 1 at real tokens and 0 at padding */
  readonly attentionMask: BigInt64Array<ArrayBuffer>;
  /** [B, S] */
  readonly tokenTypeIds: BigInt64Array<ArrayBuffer>;
  /** [B], which sequences these are. */
  readonly rows: readonly number[];
  readonly B: number;
  readonly S: number;
}

/**
 * Which sequences make up each batch: those of like length together, the longest first, at most `batchTokens` positions
 * in each with the padding. A sequence longer than that has a batch of its own.
 */
export function batchRows(sequences: readonly Sequence[], batchTokens: number): number[][] {
  const length = (row: number) => sequences[row]?.ids.length ?? 0;
  const sorted = sequences.map((_, row) => row).sort((a, b) => length(b) - length(a) || a - b);
  const batches: number[][] = [];
  for (let start = 0; start < sorted.length; ) {
    const rows = Math.max(1, Math.floor(batchTokens / length(sorted[start] ?? 0)));
    batches.push(sorted.slice(start, start + rows));
    start += rows;
  }
  return batches;
}

/** The batch of these sequences. */
export function padded(sequences: readonly Sequence[], rows: readonly number[], padId: number): Batch {
  const B = rows.length;
  const S = Math.max(...rows.map((row) => sequences[row]?.ids.length ?? 0));
  const [inputIds, attentionMask, tokenTypeIds] = [new Int64s(B * S), new Int64s(B * S), new Int64s(B * S)];
  for (const [b, row] of rows.entries()) {
    const { ids, secondAt } = sequences[row] as Sequence;
    for (let s = 0; s < S; s++) {
      const isReal = s < ids.length;
      inputIds.low[2 * (b * S + s)] = isReal ? (ids[s] as number) : padId;
      attentionMask.low[2 * (b * S + s)] = isReal ? 1 : 0;
      tokenTypeIds.low[2 * (b * S + s)] = isReal && s >= secondAt ? 1 : 0;
    }
  }
  return { inputIds: inputIds.all, attentionMask: attentionMask.all, tokenTypeIds: tokenTypeIds.all, rows, B, S };
}

/** int64 numbers that are written through their lower halves, with no BigInt made: each stands at twice its index. */
class Int64s {
  readonly all: BigInt64Array<ArrayBuffer>;
  readonly low: Int32Array<ArrayBuffer>;

  constructor(length: number) {
    this.all = new BigInt64Array(length);
    this.low = new Int32Array(this.all.buffer); // Little-endian, as every machine is that ONNX Runtime runs on.
  }
}
