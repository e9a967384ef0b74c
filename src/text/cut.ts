// How texts are cut to what a model reads at once.

/**
 * At most `sequenceLength` tokens with the special ones, as the `tokenizers` package cuts: the shorter text stays whole
 * while it fits in half, and of two that do not, the longer keeps the odd token; those above the limit count as equal.
 *
 * @param room what is left of `limit` without the special tokens
 */
export function cutLongestFirst(
  [a, b]: readonly [Uint32Array, Uint32Array],
  { room, limit }: { room: number; limit: number },
): [Uint32Array, Uint32Array] {
  if (a.length + b.length <= room) return [a, b];
  const shorter = Math.min(a.length, b.length, Math.floor(room / 2));
  const isFirstLonger = Math.min(a.length, limit) > Math.min(b.length, limit);
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

/** [from, to) of each window of a passage; an empty passage has one empty window. */
export function windows(length: number, { room, stride }: { room: number; stride: number }): [number, number][] {
  const all: [number, number][] = [];
  for (let from = 0; ; from += room - stride) {
    all.push([from, Math.min(from + room, length)]);
    if (from + room >= length) return all;
  }
}
