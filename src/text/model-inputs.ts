// From token ids to what a model reads: cut to what it takes at once, framed, sorted by length and padded into batches.

type Ids = Int32Array | Uint32Array;

/** A text's tokens. */
export interface EncodedText {
  readonly ids: Uint32Array;
  /** Where each token begins in the text as it was given, in UTF-16 units. */
  readonly starts: Uint32Array;
  /** Where each ends, excluded. */
  readonly ends: Uint32Array;
}

/** One sequence as a model reads it, special tokens included. */
export interface Sequence {
  readonly ids: Int32Array;
  /** Where the second text begins: token types are 1 from there on. The end where there is but one. */
  readonly secondAt: number;
}

/** A sequence of texts that may have been too long. */
export interface CutSequence extends Sequence {
  /** Whether they were: what came behind counts for nothing. */
  readonly isCut: boolean;
}

/** Sequences padded to one length, row after row. */
export interface PaddedSequences {
  /** [B, S] */
  readonly inputIds: Int32Array;
  /** [B, S], 1 from each second text on. */
  readonly tokenTypeIds: Uint8Array;
  /** [B, S], 1 at real tokens and 0 at padding; null when nothing is padded. */
  readonly attentionMask: Uint8Array | null;
  readonly B: number;
  readonly S: number;
  /** Positions that are not padding. */
  readonly tokenCount: number;
}

/** The special tokens around texts. */
interface Marks {
  readonly cls: number;
  readonly sep: number;
}

/** [CLS] text [SEP] */
export function singleSequence(text: Ids, { cls, sep }: Marks): Sequence {
  const ids = new Int32Array(text.length + 2);
  ids[0] = cls;
  ids.set(text, 1);
  ids[text.length + 1] = sep;
  return { ids, secondAt: ids.length };
}

/** [CLS] first [SEP] second [SEP] */
export function pairSequence(first: Ids, second: Ids, { cls, sep }: Marks): Sequence {
  const secondAt = first.length + 2;
  const ids = new Int32Array(secondAt + second.length + 1).fill(sep);
  ids[0] = cls;
  ids.set(first, 1);
  ids.set(second, secondAt);
  return { ids, secondAt };
}

/**
 * [CLS] first [SEP], or [CLS] first [SEP] second [SEP], of at most `maxTokens`; of a pair the longer text is cut first.
 */
export function sequenceOf(
  { first, second }: { first: Ids; second: Ids | null },
  marks: Marks,
  maxTokens: number,
): CutSequence {
  if (second === null) {
    const room = maxTokens - 2;
    return { ...singleSequence(first.subarray(0, room), marks), isCut: first.length > room };
  }
  const [a, b] = cutLongestFirst(first, second, maxTokens);
  return { ...pairSequence(a, b, marks), isCut: a.length + b.length < first.length + second.length };
}

/**
 * As the `tokenizers` package cuts: the shorter text stays whole while it fits in half, and of two that do not, the
 * longer keeps the odd token; those above `maxTokens` count as equal.
 */
function cutLongestFirst(a: Ids, b: Ids, maxTokens: number): [Ids, Ids] {
  const room = maxTokens - 3;
  if (a.length + b.length <= room) return [a, b];
  const shorter = Math.min(a.length, b.length, Math.floor(room / 2));
  const isFirstLonger = Math.min(a.length, maxTokens) > Math.min(b.length, maxTokens);
  const [first, second] = isFirstLonger ? [room - shorter, shorter] : [shorter, room - shorter];
  return [a.subarray(0, first), b.subarray(0, second)];
}

/** The share of a sequence that windows move on by at least, however long the question. */
const LEAST_STEP = 1 / 8;

/**
 * How many tokens of a question windows of a passage have room for; below 1 where they would hardly move on.
 *
 * @param options.windowStride tokens of the passage that neighbouring windows share
 */
export function longestQuestion(options: { sequenceLength: number; windowStride: number }): number {
  const { sequenceLength, windowStride } = options;
  return sequenceLength - 3 - windowStride - Math.ceil(LEAST_STEP * sequenceLength);
}

/** One window of a passage with its question: [CLS] question [SEP] window [SEP]. */
export interface PassageWindow extends Sequence {
  /** Where the window's tokens begin in the sequence. */
  readonly contextStart: number;
  /** Where each token of the window begins and ends in the passage, in UTF-16 units. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

/** The windows of a passage, of at most `sequenceLength` tokens with the question. */
export function passageWindows(
  question: Ids,
  { ids, starts, ends }: EncodedText,
  { sequenceLength, windowStride }: { sequenceLength: number; windowStride: number },
  marks: Marks,
): PassageWindow[] {
  const room = sequenceLength - 3 - question.length;
  return windows(ids.length, { room, stride: windowStride }).map(([from, to]) => {
    const sequence = pairSequence(question, ids.subarray(from, to), marks);
    const offsets = { starts: starts.subarray(from, to), ends: ends.subarray(from, to) };
    return { ...sequence, contextStart: sequence.secondAt, ...offsets };
  });
}

/** [from, to) of each window of a passage; an empty passage has one empty window. */
export function windows(length: number, { room, stride }: { room: number; stride: number }): [number, number][] {
  const all: [number, number][] = [];
  for (let from = 0; ; from += room - stride) {
    all.push([from, Math.min(from + room, length)]);
    if (from + room >= length) return all;
  }
}

/** The longest first: a batch that does not fit in memory fails at once. Equal lengths keep their order. */
export function longestFirst<T>(items: readonly T[], lengthOf: (item: T) => number): T[] {
  return [...items].sort((a, b) => lengthOf(b) - lengthOf(a));
}

/**
 * Cuts items, the longest first, into batches.
 *
 * @param rowsOf how many a batch has whose longest is so long
 */
export function cutIntoBatches<T>(
  sorted: readonly T[],
  lengthOf: (item: T) => number,
  rowsOf: (longest: number) => number,
): T[][] {
  const batches: T[][] = [];
  for (let start = 0; start < sorted.length; ) {
    const batch = sorted.slice(start, start + rowsOf(lengthOf(sorted[start] as T)));
    batches.push(batch);
    start += batch.length;
  }
  return batches;
}

/** Rows of so many positions at most, padding included; one where even that is too long. */
export function rowsWithin(tokens: number, longest: number): number {
  return Math.max(1, Math.floor(tokens / longest));
}

/** Pads sequences to the longest of them. */
export function padded(sequences: readonly Sequence[], padId: number): PaddedSequences {
  const rows = sequences.map(({ ids }) => ids);
  const { S, ...rest } = paddingOf(rows);
  const tokenTypeIds = new Uint8Array(rows.length * S);
  for (const [b, { ids, secondAt }] of sequences.entries()) tokenTypeIds.fill(1, b * S + secondAt, b * S + ids.length);
  return { inputIds: padRows(rows, S, padId), tokenTypeIds, S, ...rest };
}

/** The size of rows once they are padded to the longest, and which of it is padding. */
export function paddingOf(rows: readonly Ids[]): Pick<PaddedSequences, "attentionMask" | "B" | "S" | "tokenCount"> {
  const B = rows.length;
  const S = rows.reduce((longest, { length }) => Math.max(longest, length), 0);
  const tokenCount = rows.reduce((sum, { length }) => sum + length, 0);
  if (tokenCount === B * S) return { attentionMask: null, B, S, tokenCount };
  const attentionMask = new Uint8Array(B * S);
  for (const [b, { length }] of rows.entries()) attentionMask.fill(1, b * S, b * S + length);
  return { attentionMask, B, S, tokenCount };
}

/** [B, S]: rows below each other, with `filling` behind each. */
export function padRows(rows: readonly Ids[], S: number, filling: number): Int32Array {
  const matrix = new Int32Array(rows.length * S).fill(filling);
  for (const [b, row] of rows.entries()) matrix.set(row, b * S);
  return matrix;
}
