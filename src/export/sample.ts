import { readCorpus } from "../data/readers/corpus.js";
import { ConfigError } from "../errors.js";
import { KIND_RECORDS, type Kind } from "../kinds/kinds.js";
import { cutIntoBatches, longestFirst, padded, type Sequence, singleSequence } from "../text/model-inputs.js";
import type { Tokenizer } from "../text/tokenizer.js";
import { HELD_OUT_PASSAGES } from "./held-out-passages.js";
import type { RunnerBatch } from "./runners.js";

/** Text that a model is compared on, as it reads it. */
export interface Sample {
  readonly batches: readonly SampleBatch[];
  /** Real tokens of all. */
  readonly tokenCount: number;
  /** Tokens that the vocabulary does not have, as a share of all but the special ones. */
  readonly unknownShare: number;
  /** "built-in passages", or the corpus. */
  readonly source: string;
}

export interface SampleBatch extends RunnerBatch {
  /** Positions in [0, B·S) that hold [MASK]; none for tasks that mask nothing. */
  readonly masked: readonly number[];
}

/** Every so many tokens one is masked: about BERT's 15 %. */
const MASK_EVERY = 7;
const BATCH = 8;
const LONGEST = 128;
/** So many passages of a corpus are enough to tell files apart. */
const MOST_PASSAGES = 200;

/**
 * Reads what files are compared on.
 *
 * @param text a corpus; null for the passages that come with Limbeck, which no model was trained on
 * @throws ConfigError when there is no token in it
 */
export async function readSample(
  text: readonly string[] | null,
  tokenizer: Tokenizer,
  { kind, maxPositions }: { kind: Kind; maxPositions: number },
): Promise<Sample> {
  const passages = text === null ? HELD_OUT_PASSAGES : await firstPassages(text);
  const { unk } = tokenizer.ids;
  const encoded = await tokenizer.encodeIds(passages);
  const room = Math.min(LONGEST, maxPositions) - 2;
  const rows = encoded
    .filter(({ length }) => length > 0)
    .map((ids) => singleSequence(ids.subarray(0, room), tokenizer.ids));
  if (rows.length === 0)
    throw new ConfigError("--text: expected text with words in it, got none. Give another corpus.");
  const all = encoded.reduce((sum, { length }) => sum + length, 0);
  const unknown = encoded.reduce((sum, ids) => sum + ids.filter((id) => id === unk).length, 0);
  const lengthOf = ({ ids }: Sequence) => ids.length;
  const batches = cutIntoBatches(longestFirst(rows, lengthOf), lengthOf, () => BATCH);
  return {
    batches: batches.map((batch) => batchOf(batch, tokenizer, kind)),
    tokenCount: rows.reduce((sum, { ids }) => sum + ids.length, 0),
    unknownShare: unknown / Math.max(1, all),
    source: text === null ? "built-in passages" : text.join(", "),
  };
}

async function firstPassages(corpus: readonly string[]): Promise<string[]> {
  const passages: string[] = [];
  for await (const document of readCorpus(corpus)) {
    passages.push(...document.split("\n").filter((line) => line.trim() !== ""));
    if (passages.length >= MOST_PASSAGES) break;
  }
  return passages.slice(0, MOST_PASSAGES);
}

function batchOf(rows: readonly Sequence[], { ids }: Tokenizer, kind: Kind): SampleBatch {
  const batch = padded(rows, ids.pad);
  const masked: number[] = [];
  const { hasMasks } = KIND_RECORDS[kind];
  for (const [row, { ids: tokens }] of rows.entries()) {
    for (let i = MASK_EVERY; hasMasks && i < tokens.length - 1; i += MASK_EVERY) {
      masked.push(row * batch.S + i);
      batch.inputIds[row * batch.S + i] = ids.mask;
    }
  }
  return { ...batch, masked };
}
