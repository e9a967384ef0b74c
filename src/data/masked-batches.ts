import { ConfigError } from "../errors.js";
import {
  cutIntoBatches,
  longestFirst,
  type PaddedSequences,
  paddingOf,
  padRows,
  rowsWithin,
} from "../text/model-inputs.js";
import { IGNORED, type MaskedSequence, type Masker } from "./masking.js";
import { type Permutation, permutation } from "./order.js";
import { noiseKeys, Purpose, philox, toUnit } from "./philox.js";
import type { SequenceSource } from "./sequences.js";

/** Masked sequences padded to one length, row after row. */
export interface MaskedBatch extends Omit<PaddedSequences, "tokenTypeIds"> {
  /** [B, S], `IGNORED` where nothing is predicted. */
  readonly labels: Int32Array;
  /** [B], where each sequence starts in the position table; null when all start at 0. */
  readonly firstPositions: Int32Array | null;
  /** [B], what dropout's noise follows from; null where nothing is trained. */
  readonly noiseKeys: BigInt64Array | null;
  /** Positions that are predicted. */
  readonly maskedCount: number;
}

/** The micro-batches of one rank, and counts over the whole optimizer step on all ranks: what the losses divide by. */
export interface StepBatches {
  readonly microBatches: readonly MaskedBatch[];
  readonly tokenCount: number;
  readonly maskedCount: number;
}

/** Sequences of a micro-batch, or positions (B · S, padding included): exactly one of the two. */
export type MicroBatchSize = { readonly microBatchSequences: number } | { readonly microBatchTokens: number };

/** One optimizer step. The result depends on nothing else. */
export type StepOptions = MicroBatchSize & {
  readonly source: SequenceSource;
  readonly masker: Masker;
  readonly padId: number;
  /** Unsigned 32-bit. */
  readonly seed: number;
  /** Steps count from 0. */
  readonly step: number;
  /** Half of the sequences start at a random position from 0 to this one; 0, the default, shifts none. */
  readonly positionShift?: number;
  /** Sequences of one optimizer step, over all micro-batches and ranks. */
  readonly stepSequences: number;
  readonly rank?: number;
  readonly worldSize?: number;
};

/** The first sequences of a split, masked once and for all. */
type HeldOutOptions = MicroBatchSize & {
  readonly source: SequenceSource;
  readonly masker: Masker;
  readonly padId: number;
  readonly seed: number;
  /** At most this many sequences. */
  readonly sequences: number;
};

interface Placed {
  /** In the source. */
  readonly index: number;
  /** In its optimizer step. */
  readonly stepIndex: number;
  readonly epoch: number;
  readonly ids: Int32Array;
  readonly firstPosition: number;
}

/** No training epoch has this number: the masks of the held-out set are its own. */
const HELD_OUT_EPOCH = 0xffffffff;

/**
 * Step s takes the positions [s · n, (s + 1) · n) of one epoch after another, each in its own order, sorts them by
 * length, deals them to the ranks in turn, and cuts what a rank gets into micro-batches. Masks and shifts belong to a
 * sequence and its epoch, dropout's noise to its place in the step, so neither the ranks nor the cut change what is learned.
 *
 * @throws ConfigError when an option is out of range
 */
export function stepBatches(options: StepOptions): StepBatches {
  const { source, masker, seed, step, rank = 0, worldSize = 1 } = options;
  checkPositive({ stepSequences: options.stepSequences, worldSize, sequences: source.length });
  if (!(rank >= 0 && rank < worldSize)) throw new ConfigError(`rank must lie in 0 … ${worldSize - 1}, got ${rank}.`);
  const placed = sequencesOfStep(options);
  return {
    microBatches: cut(
      placed.filter((_, i) => i % worldSize === rank),
      options,
      (sequence) => masker.mask(sequence.ids, { seed, epoch: sequence.epoch, index: sequence.index }),
      (rows) => noiseKeys(seed, step, rows),
    ),
    tokenCount: placed.reduce((sum, { ids }) => sum + ids.length, 0),
    maskedCount: placed.reduce((sum, { ids }) => sum + masker.maskedCount(ids), 0),
  };
}

/** Optimizer steps that `epochs` passes over the source take; the last one may run into the next epoch. */
export function stepsOf(source: SequenceSource, stepSequences: number, epochs: number): number {
  return Math.ceil((source.length * epochs) / stepSequences);
}

/** A fixed evaluation set with fixed masks, the same for every model: its first N sequences, sorted by length. */
export function heldOutBatches(options: HeldOutOptions): StepBatches {
  const { source, masker, seed } = options;
  checkPositive({ sequences: options.sequences });
  const count = Math.min(options.sequences, source.length);
  const placed = Array.from({ length: count }, (_, index) => ({
    index,
    stepIndex: index,
    epoch: HELD_OUT_EPOCH,
    ids: source.get(index),
    firstPosition: 0,
  }));
  const microBatches = cut(
    longestFirst(placed, lengthOf),
    options,
    ({ ids, index, epoch }) => masker.mask(ids, { seed, epoch, index }),
    () => null,
  );
  return {
    microBatches,
    tokenCount: microBatches.reduce((sum, batch) => sum + batch.tokenCount, 0),
    maskedCount: microBatches.reduce((sum, batch) => sum + batch.maskedCount, 0),
  };
}

function checkPositive(options: Record<string, number>): void {
  for (const [name, value] of Object.entries(options)) {
    if (!(Number.isInteger(value) && value > 0)) {
      throw new ConfigError(`${name} must be a whole number above 0, got ${value}.`);
    }
  }
}

function sequencesOfStep({ source, seed, step, stepSequences, positionShift = 0 }: StepOptions): Placed[] {
  const orders = new Map<number, Permutation>();
  const placed: Placed[] = [];
  for (let position = step * stepSequences; position < (step + 1) * stepSequences; position++) {
    const epoch = Math.floor(position / source.length);
    const order = orders.get(epoch) ?? permutation(seed, epoch, source.length);
    orders.set(epoch, order);
    const index = order(position % source.length);
    const firstPosition = positionShift === 0 ? 0 : shiftOf(positionShift, { seed, epoch, index });
    placed.push({ index, stepIndex: position - step * stepSequences, epoch, ids: source.get(index), firstPosition });
  }
  return longestFirst(placed, lengthOf);
}

/** 0 for half of the sequences, else uniform in 0 … most. */
function shiftOf(most: number, { seed, epoch, index }: { seed: number; epoch: number; index: number }): number {
  const words = new Uint32Array(4);
  philox(words, seed, Purpose.positionShift, [index, epoch, 0, 0]);
  const [coin = 0, place = 0] = words;
  return toUnit(coin) < 0.5 ? 0 : Math.floor(toUnit(place) * (most + 1));
}

function lengthOf({ ids }: Placed): number {
  return ids.length;
}

function cut(
  placed: readonly Placed[],
  options: MicroBatchSize & { readonly padId: number },
  mask: (sequence: Placed) => MaskedSequence,
  keysOf: (stepIndices: number[]) => MaskedBatch["noiseKeys"],
): MaskedBatch[] {
  return cutIntoBatches(placed, lengthOf, rowsOf(options)).map((rows) => ({
    ...pad(rows.map(mask), options.padId),
    firstPositions: firstPositionsOf(rows),
    noiseKeys: keysOf(rows.map(({ stepIndex }) => stepIndex)),
  }));
}

function firstPositionsOf(rows: readonly Placed[]): Int32Array | null {
  return rows.some(({ firstPosition }) => firstPosition > 0)
    ? Int32Array.from(rows, ({ firstPosition }) => firstPosition)
    : null;
}

/** Rows of a micro-batch, by its longest sequence. */
function rowsOf(size: MicroBatchSize): (longest: number) => number {
  if ("microBatchSequences" in size) {
    checkPositive({ microBatchSequences: size.microBatchSequences });
    return () => size.microBatchSequences;
  }
  checkPositive({ microBatchTokens: size.microBatchTokens });
  return (longest) => rowsWithin(size.microBatchTokens, longest);
}

function pad(rows: readonly MaskedSequence[], padId: number): Omit<MaskedBatch, "firstPositions" | "noiseKeys"> {
  const ids = rows.map(({ inputIds }) => inputIds);
  const labels = rows.map(({ labels }) => labels);
  const { S, ...rest } = paddingOf(ids);
  return {
    inputIds: padRows(ids, S, padId),
    labels: padRows(labels, S, IGNORED),
    S,
    ...rest,
    maskedCount: rows.reduce((sum, { maskedCount }) => sum + maskedCount, 0),
  };
}
