import { permutation } from "../data/order.js";
import { noiseKeys } from "../data/philox.js";

/** One sequence as a model reads it, with what it should say. */
export interface Feature {
  readonly inputIds: Int32Array;
  /** 0 for the first text and 1 for the second, special tokens included. */
  readonly tokenTypeIds: Uint8Array;
  /** The label or score; for question answering the first and last token of the answer. */
  readonly targets: readonly number[];
}

/** Sequences padded to one length, row after row. */
export interface TaskBatch {
  /** [B, S] */
  readonly inputIds: Int32Array;
  /** [B, S] */
  readonly tokenTypeIds: Uint8Array;
  /** [B, S], 1 at real tokens and 0 at padding; null when nothing is padded. */
  readonly attentionMask: Uint8Array | null;
  /** [targets][B] */
  readonly targets: readonly Float64Array[];
  /** [B], which features these are. */
  readonly indices: readonly number[];
  /** [B], what dropout's noise follows from; null where nothing is trained. */
  readonly noiseKeys: BigInt64Array | null;
  readonly B: number;
  readonly S: number;
  /** Positions that are not padding. */
  readonly tokenCount: number;
}

/** One optimizer step of fine-tuning. */
export interface TaskStep {
  readonly microBatches: readonly TaskBatch[];
  readonly tokenCount: number;
  /** Sequences: what the losses are divided by. */
  readonly sequenceCount: number;
}

/** Steps that are sorted by length together: padding is rare, and order still random. */
const STEPS_PER_BUCKET = 50;

/** Every step of every epoch; each sequence once an epoch, sequences of like length together. */
export class TaskSteps {
  readonly stepsPerEpoch: number;
  readonly #features: readonly Feature[];
  readonly #options: StepOptions;
  #epoch: { number: number; steps: number[][] } | null = null;

  constructor(features: readonly Feature[], options: StepOptions) {
    this.#features = features;
    this.#options = options;
    this.stepsPerEpoch = Math.ceil(features.length / options.stepSequences);
  }

  /** A function of (seed, step) alone. */
  at(step: number): TaskStep {
    const epoch = Math.floor(step / this.stepsPerEpoch);
    if (this.#epoch?.number !== epoch) this.#epoch = { number: epoch, steps: this.#stepsOf(epoch) };
    const indices = this.#epoch.steps[step % this.stepsPerEpoch] ?? [];
    const keysOf = (stepIndices: number[]) => noiseKeys(this.#options.seed, step, stepIndices);
    const microBatches = cutByTokens(this.#features, indices, { ...this.#options, keysOf });
    return {
      microBatches,
      tokenCount: microBatches.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
      sequenceCount: indices.length,
    };
  }

  #stepsOf(epoch: number): number[][] {
    const { seed, stepSequences } = this.#options;
    const N = this.#features.length;
    const order = permutation(seed, 2 * epoch, N);
    const steps: number[][] = [];
    for (let start = 0; start < N; start += STEPS_PER_BUCKET * stepSequences) {
      const size = Math.min(STEPS_PER_BUCKET * stepSequences, N - start);
      const bucket = longestFirst(
        this.#features,
        Array.from({ length: size }, (_, i) => order(start + i)),
      );
      for (let at = 0; at < size; at += stepSequences) steps.push(bucket.slice(at, at + stepSequences));
    }
    const stepOrder = permutation(seed, 2 * epoch + 1, steps.length);
    return steps.map((_, i) => steps[stepOrder(i)] as number[]);
  }
}

interface StepOptions {
  readonly seed: number;
  readonly stepSequences: number;
  readonly microBatchTokens: number;
  readonly padId: number;
}

/** All features once, those of like length together: for evaluation. */
export function evaluationBatches(
  features: readonly Feature[],
  options: { microBatchTokens: number; padId: number },
): TaskBatch[] {
  return cutByTokens(
    features,
    features.map((_, i) => i),
    { ...options, keysOf: () => null },
  );
}

/** Longest first: a batch that does not fit in memory fails at once. */
function longestFirst(features: readonly Feature[], indices: readonly number[]): number[] {
  const length = (index: number) => features[index]?.inputIds.length ?? 0;
  return indices.toSorted((a, b) => length(b) - length(a) || a - b);
}

/** Cuts sequences into micro-batches of at most `microBatchTokens` positions, padding included. */
function cutByTokens(
  features: readonly Feature[],
  indices: readonly number[],
  {
    microBatchTokens,
    padId,
    keysOf,
  }: { microBatchTokens: number; padId: number; keysOf(stepIndices: number[]): TaskBatch["noiseKeys"] },
): TaskBatch[] {
  const sorted = longestFirst(features, indices);
  const batches: TaskBatch[] = [];
  for (let start = 0; start < sorted.length; ) {
    const longest = features[sorted[start] ?? 0]?.inputIds.length ?? 1;
    const rows = sorted.slice(start, start + Math.max(1, Math.floor(microBatchTokens / longest)));
    const keys = keysOf(rows.map((_, i) => start + i));
    batches.push({ ...padded(features, rows, padId), noiseKeys: keys });
    start += rows.length;
  }
  return batches;
}

function padded(features: readonly Feature[], indices: readonly number[], padId: number): Omit<TaskBatch, "noiseKeys"> {
  const rows = indices.map((index) => features[index] as Feature);
  const B = rows.length;
  const S = Math.max(...rows.map(({ inputIds }) => inputIds.length));
  const inputIds = new Int32Array(B * S).fill(padId);
  const tokenTypeIds = new Uint8Array(B * S);
  const attentionMask = new Uint8Array(B * S);
  for (const [b, row] of rows.entries()) {
    inputIds.set(row.inputIds, b * S);
    tokenTypeIds.set(row.tokenTypeIds, b * S);
    attentionMask.fill(1, b * S, b * S + row.inputIds.length);
  }
  const tokenCount = rows.reduce((sum, row) => sum + row.inputIds.length, 0);
  const columns = rows[0]?.targets.length ?? 0;
  return {
    inputIds,
    tokenTypeIds,
    attentionMask: tokenCount === B * S ? null : attentionMask,
    targets: Array.from({ length: columns }, (_, t) => Float64Array.from(rows, ({ targets }) => targets[t] ?? 0)),
    indices,
    B,
    S,
    tokenCount,
  };
}
