import { permutation } from "../data/order.js";
import { noiseKeys } from "../data/philox.js";
import {
  cutIntoBatches,
  longestFirst,
  type PaddedSequences,
  padded,
  rowsWithin,
  type Sequence,
} from "../text/model-inputs.js";

/** One sequence as a model reads it, with what it should say. */
export interface Feature extends Sequence {
  /** The label or score; for question answering the first and last token of the answer. */
  readonly targets: readonly number[];
}

/** Sequences padded to one length, row after row. */
export interface TaskBatch extends PaddedSequences {
  /** [targets][B] */
  readonly targets: readonly Float64Array[];
  /** [B], which features these are. */
  readonly indices: readonly number[];
  /** [B], what dropout's noise follows from; null where nothing is trained. */
  readonly noiseKeys: BigInt64Array | null;
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
      const drawn = Array.from({ length: size }, (_, i) => order(start + i)).sort((a, b) => a - b);
      const bucket = longestFirst(drawn, (index) => (this.#features[index] as Feature).ids.length);
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
  const lengthOf = (index: number) => (features[index] as Feature).ids.length;
  const sorted = longestFirst(indices, lengthOf);
  let done = 0;
  return cutIntoBatches(sorted, lengthOf, (longest) => rowsWithin(microBatchTokens, longest)).map((indices) => {
    const rows = indices.map((index) => features[index] as Feature);
    const columns = rows[0]?.targets.length ?? 0;
    const targets = Array.from({ length: columns }, (_, t) =>
      Float64Array.from(rows, ({ targets }) => targets[t] ?? 0),
    );
    const keys = keysOf(rows.map((_, i) => done + i));
    done += rows.length;
    return { ...padded(rows, padId), targets, indices, noiseKeys: keys };
  });
}
