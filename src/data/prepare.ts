import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve, sep } from "node:path";
import { ConfigError } from "../errors.js";
import { writeError } from "../storage/disk.js";
import { loadTokenizer, type Tokenizer } from "../text/tokenizer.js";
import { DatasetWriter } from "./dataset-writer.js";
import { claimFolder } from "./folder-claim.js";
import { type DatasetManifest, MANIFEST_FILE, readManifest, TOKENIZER_FOLDER } from "./manifest.js";
import {
  checkSame,
  type Identity,
  newProgress,
  type Progress,
  readProgress,
  writeProgress,
} from "./prepare-progress.js";
import { type Corpus, readCorpus } from "./readers/corpus.js";
import { STANDARD_INPUT } from "./readers/source-files.js";
import { bytesPerTokenOf, GO_ON } from "./shard.js";
import { createEncoder, type Encoder } from "./tokeniser-pool.js";
import type { EncodedDocuments } from "./word-cache.js";

/** How far `prepare` is. `totalBytes` is null when the corpus comes from standard input. */
export interface PrepareProgress {
  readonly bytesRead: number;
  readonly totalBytes: number | null;
  readonly documents: number;
  readonly tokens: number;
}

export interface PrepareOptions {
  /** Files and folders, or "-" for standard input. */
  readonly corpus: readonly string[];
  /** A folder that holds a tokenizer. */
  readonly tokenizer: string;
  /** A new folder, or one that an interrupted `prepare` with the same options left. */
  readonly out: string;
  /** Share of the documents that is held out. Default 0.01. */
  readonly heldOut?: number;
  /** The held-out split is at most this large. Default 200,000. */
  readonly heldOutTokens?: number;
  /** A shard ends with the document that brings it to this many tokens. Default 2^25. */
  readonly shardTokens?: number;
  /** Tokenising threads; 0 tokenises in this one. Default: the cores, up to 4. Does not change the result. */
  readonly workers?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PrepareProgress) => void;
}

/** Text given to a worker at once, UTF-16 units. */
const BATCH_LENGTH = 1 << 18;
const MOST_WORKERS = 4; // Each takes some 80 MB, and one reading thread feeds few more.

/**
 * Turns a corpus into a dataset: shards of token ids, and dataset.json. Memory does not grow with the corpus.
 *
 * The result is a function of the corpus, the tokenizer and the options alone. Interrupted at any moment and called
 * again with the same options, it goes on from the last finished shard and writes the same bytes.
 *
 * @throws ConfigError when an option is wrong, or `out` holds something else
 * @throws FormatError when the corpus or the tokenizer cannot be read
 * @throws StorageError when the disk is full
 */
export async function prepare(options: PrepareOptions): Promise<DatasetManifest> {
  checkOptions(options);
  const tokenizer = await loadTokenizer(options.tokenizer);
  checkApart(options);
  const corpus = readCorpus(options.corpus);
  const identity = identityOf(options, corpus, tokenizer);
  using _lock = claimFolder(options.out);
  const finished = finishedManifest(options.out, identity);
  if (finished !== null) return finished;
  const progress = await begin(options.out, identity, tokenizer);
  return await write(options, corpus, tokenizer, progress);
}

function checkOptions({ heldOut = 0.01, heldOutTokens = 1, shardTokens = 1, workers = 0 }: PrepareOptions): void {
  if (!(heldOut >= 0 && heldOut < 1)) throw new ConfigError(`heldOut must be a share in [0, 1), got ${heldOut}.`);
  for (const [name, value, least] of [
    ["heldOutTokens", heldOutTokens, 1],
    ["shardTokens", shardTokens, 1],
    ["workers", workers, 0],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= least) continue;
    throw new ConfigError(`${name} must be a whole number of at least ${least}, got ${value}.`);
  }
}

/** A dataset inside the corpus would be taken for a part of it when `prepare` goes on. */
function checkApart({ corpus, out }: PrepareOptions): void {
  const inside = corpus.find(
    (path) => path !== STANDARD_INPUT && `${resolve(out)}${sep}`.startsWith(`${resolve(path)}${sep}`),
  );
  if (inside === undefined) return;
  throw new ConfigError(`${out}: the dataset's folder lies in the corpus ${inside}. Choose a folder outside of it.`);
}

function identityOf(options: PrepareOptions, corpus: Corpus, tokenizer: Tokenizer): Identity {
  const { heldOut = 0.01, heldOutTokens = 200_000, shardTokens = 2 ** 25 } = options;
  return {
    tokenizerHash: tokenizer.hash,
    options: {
      corpus: corpus.files.map(({ path, bytes }) => ({ path, bytes })),
      heldOut,
      heldOutTokens,
      shardTokens,
    },
  };
}

/** The manifest, when the folder holds the very dataset that is asked for. */
function finishedManifest(folder: string, identity: Identity): DatasetManifest | null {
  if (!existsSync(join(folder, MANIFEST_FILE))) return null;
  const manifest = readManifest(folder);
  checkSame(folder, { tokenizerHash: manifest.tokenizer.hash, options: manifest.options }, identity);
  if (identity.options.corpus.some(({ path }) => path === STANDARD_INPUT)) {
    throw new ConfigError(
      `${folder}: it holds a finished dataset, and standard input may differ. Choose another folder.`,
    );
  }
  return manifest;
}

/** The progress file comes first: it marks the folder as ours. */
async function begin(folder: string, identity: Identity, tokenizer: Tokenizer): Promise<Progress> {
  const left = readProgress(folder, identity);
  const progress = left ?? newProgress(identity, tokenizer.vocabSize);
  if (left === null) writeProgress(folder, progress);
  const copy = join(folder, TOKENIZER_FOLDER);
  try {
    await tokenizer.save(copy);
  } catch (cause) {
    throw writeError(copy, cause, { next: GO_ON });
  }
  return progress;
}

async function write(
  options: PrepareOptions,
  corpus: Corpus,
  tokenizer: Tokenizer,
  progress: Progress,
): Promise<DatasetManifest> {
  const { out, signal, onProgress, workers = Math.min(MOST_WORKERS, availableParallelism()) } = options;
  const writer = new DatasetWriter(out, tokenizer, progress);
  const settings = {
    tokenizerFolder: join(out, TOKENIZER_FOLDER),
    bytesPerToken: bytesPerTokenOf(tokenizer.vocabSize),
  };
  const encoder = createEncoder(tokenizer, settings, workers);
  try {
    for await (const { ids, lengths, fingerprints } of encodeInOrder(
      batchesAfter(corpus, progress, options),
      encoder,
    )) {
      signal?.throwIfAborted();
      let start = 0;
      for (const [i, length] of lengths.entries()) {
        writer.add(ids.slice(start, start + length), fingerprints[i] ?? 0);
        start += length;
      }
      const { bytesRead, totalBytes } = corpus;
      onProgress?.({ bytesRead, totalBytes, documents: writer.consumed, tokens: writer.tokens });
    }
    signal?.throwIfAborted(); // A pipeline that is interrupted ends standard input too: what came is not all.
    return writer.finish();
  } catch (error) {
    writer.abandon();
    throw error;
  } finally {
    await encoder.close();
  }
}

interface DocumentBatch {
  readonly documents: string[];
  /** For each document, a fingerprint of the corpus up to its end. */
  readonly fingerprints: number[];
}

/** The documents that are not dealt with yet, in batches of about equal length. */
async function* batchesAfter(
  corpus: Corpus,
  progress: Progress,
  { out: folder, signal }: Pick<PrepareOptions, "out" | "signal">,
): AsyncGenerator<DocumentBatch> {
  let batch: DocumentBatch = { documents: [], fingerprints: [] };
  let length = 0;
  let fingerprint = 0;
  let seen = 0;
  for await (const document of corpus) {
    signal?.throwIfAborted();
    fingerprint = extendFingerprint(fingerprint, document);
    if (++seen === progress.consumed) checkFingerprint(fingerprint, progress, folder);
    if (seen <= progress.consumed) continue;
    batch.documents.push(document);
    batch.fingerprints.push(fingerprint);
    length += document.length;
    if (length < BATCH_LENGTH) continue;
    yield batch;
    batch = { documents: [], fingerprints: [] };
    length = 0;
  }
  if (seen < progress.consumed) checkFingerprint(-1, progress, folder);
  if (batch.documents.length > 0) yield batch;
}

/** Takes in the length of a document and its first characters: enough to notice that a corpus was changed. */
function extendFingerprint(fingerprint: number, document: string): number {
  let h = fingerprint ^ document.length;
  const end = Math.min(document.length, 64);
  for (let i = 0; i < end; i++) h = Math.imul(h ^ document.charCodeAt(i), 0x01000193);
  return (h ^ (h >>> 15)) >>> 0;
}

function checkFingerprint(fingerprint: number, progress: Progress, folder: string): void {
  if (fingerprint === progress.fingerprint) return;
  throw new ConfigError(
    `${folder}: the first ${progress.consumed} documents of the corpus are not those it was begun with. Choose another folder.`,
  );
}

/** Encodes several batches at a time, and gives them back in the order they came. */
async function* encodeInOrder(
  batches: AsyncIterable<DocumentBatch>,
  encoder: Encoder,
): AsyncGenerator<EncodedDocuments & DocumentBatch> {
  const underWay: Promise<EncodedDocuments & DocumentBatch>[] = [];
  for await (const batch of batches) {
    const encoded = encoder.encode(batch.documents).then((result) => ({ ...batch, ...result }));
    encoded.catch(() => {}); // It is awaited in its turn; until then it must not count as unhandled.
    underWay.push(encoded);
    const first = underWay.length > encoder.width ? underWay.shift() : undefined;
    if (first !== undefined) yield await first;
  }
  for (const encoded of underWay) yield await encoded;
}
