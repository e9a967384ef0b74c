import { ConfigError } from "../errors.js";
import { doubled } from "../text/growable.js";
import { singleSequence } from "../text/model-inputs.js";

/** A run of token ids with random access: one split of a dataset, over all its shards. */
export interface TokenStream {
  readonly tokenCount: number;
  readonly documentCount: number;
  /** The ids of `count` tokens from `start`; the separator after each document counts as a token. */
  read(start: number, count: number): Int32Array;
}

/** Sequences by index, each [CLS] … [SEP]. */
export interface SequenceSource {
  readonly length: number;
  get(index: number): Int32Array;
}

/** How a stream is cut into sequences. */
interface SequenceOptions {
  /** Tokens of a sequence, [CLS] and [SEP] included. */
  readonly sequenceLength: number;
  readonly ids: { readonly cls: number; readonly sep: number; readonly unk: number };
}

/** [CLS], [SEP], and at least one token between them. */
const SHORTEST_SEQUENCE = 3;
/** Sequences of this many tokens or fewer are dropped by `--pack none` [C]. */
const DROPPED_LENGTH = 11;
const READ_TOKENS = 1 << 20;

/**
 * FULL-SENTENCES: block i is [CLS], the S - 2 ids of the stream from i · (S - 2), and [SEP]; documents run on, with the
 * separator between them, so that nothing is padded. What remains after the last whole block is left out, unless it is
 * all there is.
 *
 * @throws ConfigError when the stream is empty
 * Source: Liu et al. 2019 (RoBERTa), section 4.2.
 */
export function packedSequences(stream: TokenStream, { sequenceLength, ids }: SequenceOptions): SequenceSource {
  checkLength(sequenceLength);
  if (stream.tokenCount === 0) throw new ConfigError("the split holds no tokens, so no sequence can be cut from it.");
  const body = Math.min(sequenceLength - 2, stream.tokenCount);
  return {
    length: Math.floor(stream.tokenCount / body),
    get: (index) => singleSequence(stream.read(index * body, body), ids).ids,
  };
}

/**
 * One document a sequence (`--pack none`): documents over S - 2 tokens are split, sequences of 11 tokens or fewer are
 * dropped, and so are those of which half or more is [UNK]. Lengths count [CLS] and [SEP], as in the authors' code.
 *
 * Reads the stream once, and keeps ten bytes a sequence.
 *
 * @throws ConfigError when nothing is left
 */
export function documentSequences(stream: TokenStream, options: SequenceOptions): SequenceSource {
  checkLength(options.sequenceLength);
  const index = new SequenceIndex();
  scanPieces(stream, options, (start, length, unknowns) => {
    const total = length + 2;
    if (total > DROPPED_LENGTH && unknowns < total / 2) index.add(start, length);
  });
  if (index.length === 0) {
    throw new ConfigError(
      `no sequence is left of ${stream.documentCount} documents: all have ${DROPPED_LENGTH} tokens or fewer, or are half [UNK]. Pack them instead.`,
    );
  }
  return {
    length: index.length,
    get: (i) => singleSequence(stream.read(index.start(i), index.size(i)), options.ids).ids,
  };
}

function checkLength(sequenceLength: number): void {
  if (Number.isInteger(sequenceLength) && sequenceLength >= SHORTEST_SEQUENCE && sequenceLength <= 65_536) return;
  throw new ConfigError(
    `sequence length must be an integer from ${SHORTEST_SEQUENCE} to 65536, got ${sequenceLength}.`,
  );
}

/** Calls `onPiece` for every piece of every document, the separators left out. */
function scanPieces(
  stream: TokenStream,
  { sequenceLength, ids }: SequenceOptions,
  onPiece: (start: number, length: number, unknowns: number) => void,
): void {
  let start = 0;
  let unknowns = 0;
  function close(end: number): void {
    if (end > start) onPiece(start, end - start, unknowns);
    unknowns = 0;
  }
  for (let offset = 0; offset < stream.tokenCount; offset += READ_TOKENS) {
    const tokens = stream.read(offset, Math.min(READ_TOKENS, stream.tokenCount - offset));
    for (let i = 0; i < tokens.length; i++) {
      const position = offset + i;
      if (tokens[i] === ids.sep) {
        close(position);
        start = position + 1;
        continue;
      }
      if (position - start === sequenceLength - 2) {
        close(position);
        start = position;
      }
      if (tokens[i] === ids.unk) unknowns++;
    }
  }
  close(stream.tokenCount);
}

/** Where each sequence starts in the stream, and how long it is, in arrays that grow by doubling. */
class SequenceIndex {
  #starts = new Float64Array(1024);
  #sizes = new Uint16Array(1024);
  length = 0;

  add(start: number, size: number): void {
    if (this.length === this.#starts.length) {
      this.#starts = doubled(this.#starts);
      this.#sizes = doubled(this.#sizes);
    }
    this.#starts[this.length] = start;
    this.#sizes[this.length++] = size;
  }

  start(index: number): number {
    return this.#starts[index] ?? 0;
  }

  size(index: number): number {
    return this.#sizes[index] ?? 0;
  }
}
