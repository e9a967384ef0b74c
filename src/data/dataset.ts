import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "../errors.js";
import {
  type DatasetManifest,
  MANIFEST_FILE,
  readFrequencies,
  readManifest,
  type ShardEntry,
  TOKENIZER_FOLDER,
} from "./manifest.js";
import { PROGRESS_FILE } from "./prepare-progress.js";
import type { TokenStream } from "./sequences.js";
import { ShardReader, verifyShard } from "./shard.js";

export type SplitName = "train" | "heldout";

/** A prepared corpus on disk. */
export interface Dataset {
  readonly folder: string;
  readonly manifest: DatasetManifest;
  /** A folder that `loadTokenizer` reads. */
  readonly tokenizerFolder: string;
  /** How often each token occurs in the training split, [V]. */
  readonly tokenCounts: Float64Array;
  split(name: SplitName): TokenStream;
  /** Reads every shard and compares its SHA-256. @throws FormatError naming the first that differs */
  verify(): void;
  close(): void;
}

/**
 * Opens what `prepare` wrote. Sizes and headers are checked here, contents by `verify`.
 *
 * @throws FormatError when something is missing, cut off, or of another version
 */
export function openDataset(folder: string): Dataset {
  checkFinished(folder);
  const manifest = readManifest(folder);
  const tokenCounts = readFrequencies(folder, manifest);
  const readers: ShardReader[] = [];
  const open = (entries: readonly ShardEntry[]) =>
    entries.map((entry) => {
      const reader = openShard(folder, entry, manifest);
      readers.push(reader);
      return reader;
    });
  const close = () => {
    for (const reader of readers.splice(0)) reader.close();
  };
  try {
    const { train, heldout } = manifest.splits;
    const streams = { train: joinShards(open(train.shards)), heldout: joinShards(open(heldout.shards)) };
    return {
      folder,
      manifest,
      tokenizerFolder: join(folder, TOKENIZER_FOLDER),
      tokenCounts,
      split: (name) => streams[name],
      verify: () => {
        for (const { file, sha256 } of [...train.shards, ...heldout.shards]) verifyShard(join(folder, file), sha256);
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function checkFinished(folder: string): void {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new FormatError(folder, 'no such folder. Expected a dataset; make one with "limbeck prepare".');
  }
  if (existsSync(join(folder, MANIFEST_FILE))) return;
  const advice = existsSync(join(folder, PROGRESS_FILE))
    ? 'the dataset is not finished. Run the same "limbeck prepare" again: it goes on where it stopped.'
    : 'not a dataset: it holds no dataset.json. Make one with "limbeck prepare".';
  throw new FormatError(folder, advice);
}

function openShard(folder: string, entry: ShardEntry, manifest: DatasetManifest): ShardReader {
  const reader = new ShardReader(join(folder, entry.file));
  const { tokenCount, documentCount, separatorId } = reader.header;
  const expected = [entry.tokens, entry.documents, manifest.tokenizer.separatorId].join(", ");
  const got = [tokenCount, documentCount, separatorId].join(", ");
  if (expected === got) return reader;
  reader.close();
  throw new FormatError(
    reader.path,
    `the token shard belongs to another dataset: expected tokens, documents, separator ${expected}, got ${got}.`,
  );
}

/** Shards one after the other as one stream. */
function joinShards(shards: readonly ShardReader[]): TokenStream {
  const starts = [0];
  for (const shard of shards) starts.push((starts.at(-1) ?? 0) + shard.header.tokenCount);
  const tokenCount = starts.at(-1) ?? 0;
  return {
    tokenCount,
    documentCount: shards.reduce((sum, { header }) => sum + header.documentCount, 0),
    read(start, count) {
      if (!(start >= 0 && count >= 0 && start + count <= tokenCount)) {
        throw new RangeError(`tokens ${start} … ${start + count} of ${tokenCount}`);
      }
      const ids = new Int32Array(count);
      for (let done = 0, i = shardAt(starts, start); done < count; i++) {
        const within = start + done - (starts[i] ?? 0);
        const part = ids.subarray(done, done + Math.min(count - done, (starts[i + 1] ?? 0) - start - done));
        shards[i]?.readInto(part, within);
        done += part.length;
      }
      return ids;
    },
  };
}

/** The last shard that starts at or before `position`. */
function shardAt(starts: readonly number[], position: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= position) low = middle;
    else high = middle;
  }
  return low;
}
