import { ConfigError } from "../errors.js";
import { Purpose, philox, toUnit } from "./philox.js";

/** A label at which no loss is taken. */
export const IGNORED = -100;

/** What a masker needs to know of the vocabulary, and the shares of the paper. */
export interface MaskingOptions {
  readonly vocabSize: number;
  readonly maskId: number;
  /** Never masked, and never drawn as a replacement: [CLS], [SEP], [PAD], [MASK], [UNK]. */
  readonly specialIds: ReadonlySet<number>;
  /** How often each token occurs in the training text, [V]. */
  readonly tokenCounts: ArrayLike<number>;
  /** Share of the tokens that are predicted. Default 0.15 [P]. */
  readonly share?: number;
  /** Share of the predicted that are shown as [MASK]. Default 0.8 [P]. */
  readonly maskShare?: number;
  /** Share of the predicted that are shown as a random token; the rest is shown as it is. Default 0.1 [P]. */
  readonly randomShare?: number;
  /** Tokens are drawn with probability proportional to count^-smoothing. Default 0.7 [C]; 0 is uniform. */
  readonly smoothing?: number;
}

/** Where a sequence is seen: with it, the masks are a pure function. */
interface MaskingPlace {
  readonly seed: number;
  readonly epoch: number;
  readonly index: number;
}

/** A masked sequence: what the model sees, and what it must say (`IGNORED` elsewhere), both [S]. */
export interface MaskedSequence {
  readonly inputIds: Int32Array;
  readonly labels: Int32Array;
  readonly maskedCount: number;
}

/** Draws masks: ⌈0.15 · n⌉ of the n maskable positions, at least one, rarer tokens more often. */
export interface Masker {
  mask(ids: Int32Array, place: MaskingPlace): MaskedSequence;
  /** How many positions `mask` would choose, without drawing them. */
  maskedCount(ids: Int32Array): number;
}

/**
 * Prepares a masker, with the weight of every token computed once.
 *
 * Each maskable position gets the key -ln(u) / w with w = count^-0.7, and the k smallest win: a draw without replacement
 * with probabilities proportional to w.
 *
 * @throws ConfigError when the shares or counts do not fit
 * Source: Sanh et al. 2019, section 3; the authors' `mlm_smoothing`; Efraimidis and Spirakis 2006 for the draw.
 */
export function createMasker(options: MaskingOptions): Masker {
  const { share = 0.15, maskShare = 0.8, randomShare = 0.1, smoothing = 0.7, vocabSize, maskId } = options;
  checkShares(share, maskShare, randomShare);
  const inverseWeights = inverseWeightsOf(options, smoothing);
  const replacements = Int32Array.from(idsOf(vocabSize).filter((id) => !options.specialIds.has(id)));
  if (replacements.length === 0) throw new ConfigError("masking: every token of the vocabulary is special.");

  function chosenCount(maskable: number): number {
    return maskable === 0 ? 0 : Math.max(1, Math.ceil(share * maskable - 1e-9)); // 0.15 · 20 is 3, not 3.0000000000000004.
  }

  /** The id shown in place of `id`, for the `nth` position chosen. */
  function shown(id: number, words: Uint32Array): number {
    const u = toUnit(words[0] ?? 0);
    if (u < maskShare) return maskId;
    if (u >= maskShare + randomShare) return id;
    return replacements[Math.floor(toUnit(words[1] ?? 0) * replacements.length)] ?? id;
  }

  return {
    maskedCount: (ids) => chosenCount(countMaskable(ids, inverseWeights)),
    mask(ids, place) {
      const positions = drawPositions(ids, inverseWeights, place, chosenCount);
      const inputIds = ids.slice();
      const labels = new Int32Array(ids.length).fill(IGNORED);
      const words = new Uint32Array(4);
      for (const position of positions) {
        const id = ids[position] ?? 0;
        philox(words, place.seed, Purpose.maskReplacements, counterOf(position, place));
        labels[position] = id;
        inputIds[position] = shown(id, words);
      }
      return { inputIds, labels, maskedCount: positions.length };
    },
  };
}

function checkShares(share: number, maskShare: number, randomShare: number): void {
  if (!(share > 0 && share <= 1)) throw new ConfigError(`masking: share must lie in (0, 1], got ${share}.`);
  if (!(maskShare >= 0 && randomShare >= 0 && maskShare + randomShare <= 1 + 1e-12)) {
    throw new ConfigError(
      `masking: maskShare and randomShare must be shares with a sum of at most 1, got ${maskShare} and ${randomShare}.`,
    );
  }
}

function idsOf(vocabSize: number): number[] {
  return Array.from({ length: vocabSize }, (_, id) => id);
}

/** count^0.7 per token id, and 0 for those that are never masked. A token never counted is taken as seen once. */
function inverseWeightsOf(options: MaskingOptions, smoothing: number): Float64Array {
  const { vocabSize, tokenCounts, specialIds } = options;
  if (tokenCounts.length !== vocabSize) {
    throw new ConfigError(`masking: expected ${vocabSize} token counts, one a token, got ${tokenCounts.length}.`);
  }
  return Float64Array.from(idsOf(vocabSize), (id) =>
    specialIds.has(id) ? 0 : Math.max(1, tokenCounts[id] ?? 0) ** smoothing,
  );
}

function countMaskable(ids: Int32Array, inverseWeights: Float64Array): number {
  let count = 0;
  for (let i = 0; i < ids.length; i++) if ((inverseWeights[ids[i] ?? 0] ?? 0) > 0) count++;
  return count;
}

function counterOf(position: number, { index, epoch }: MaskingPlace): [number, number, number, number] {
  return [position, index >>> 0, epoch >>> 0, Math.floor(index / 2 ** 32)];
}

/** The positions of the k smallest keys, ascending. */
function drawPositions(
  ids: Int32Array,
  inverseWeights: Float64Array,
  place: MaskingPlace,
  chosenCount: (maskable: number) => number,
): Int32Array {
  const keys = new Float64Array(ids.length);
  const positions = new Int32Array(ids.length);
  const words = new Uint32Array(4);
  let maskable = 0;
  for (let position = 0; position < ids.length; position++) {
    if (position % 4 === 0) philox(words, place.seed, Purpose.maskPositions, counterOf(position, place));
    const inverseWeight = inverseWeights[ids[position] ?? 0] ?? 0;
    if (inverseWeight === 0) continue;
    keys[maskable] = -Math.log(toUnit(words[position % 4] ?? 0)) * inverseWeight;
    positions[maskable++] = position;
  }
  const chosen = chosenCount(maskable);
  selectSmallest(keys, positions, maskable, chosen);
  return positions.subarray(0, chosen).sort();
}

/** Moves the `chosen` smallest of `keys[0 … count)` to the front, `values` with them (Hoare's quickselect). */
function selectSmallest(keys: Float64Array, values: Int32Array, count: number, chosen: number): void {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const pivot = keys[(low + high) >> 1] ?? 0;
    let i = low;
    let j = high;
    while (i <= j) {
      while ((keys[i] ?? 0) < pivot) i++;
      while ((keys[j] ?? 0) > pivot) j--;
      if (i > j) break;
      swap(keys, i, j);
      swap(values, i++, j--);
    }
    if (chosen - 1 <= j) high = j;
    else if (chosen - 1 >= i) low = i;
    else return;
  }
}

function swap(array: Float64Array | Int32Array, i: number, j: number): void {
  const held = array[i] ?? 0;
  array[i] = array[j] ?? 0;
  array[j] = held;
}
