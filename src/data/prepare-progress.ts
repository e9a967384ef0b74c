import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ConfigError } from "../errors.js";
import { replaceText } from "../storage/atomic-files.js";
import { readJsonFile } from "../storage/json-file.js";
import type { Candidate } from "./held-out.js";
import { type DatasetOptions, optionsSchema, shardSchema } from "./manifest.js";
import { GO_ON } from "./shard.js";

export const PROGRESS_FILE = "progress.json";
const ADVICE = 'Delete the folder and start "limbeck prepare" afresh.';

const count = z.number().int().nonnegative();
const word = z.number().int().min(0).max(0xffffffff);
const progressSchema = z.strictObject({
  version: z.literal(1),
  tokenizerHash: z.string(),
  options: optionsSchema,
  /** Documents of the corpus that are dealt with, and a fingerprint of them. */
  consumed: count,
  fingerprint: word,
  /** Of those, the ones that had tokens. */
  documents: count,
  unknowns: count,
  shards: z.array(shardSchema),
  frequencies: z.array(count),
  heldOut: z.array(z.strictObject({ document: count, ids: z.string() })),
});

/** Where `prepare` stands, as of the last finished shard. */
export type Progress = z.infer<typeof progressSchema>;

/** What must be the same for `prepare` to go on. */
export interface Identity {
  readonly tokenizerHash: string;
  readonly options: DatasetOptions;
}

/** The state before the first document. */
export function newProgress(identity: Identity, vocabSize: number): Progress {
  return {
    version: 1,
    ...identity,
    consumed: 0,
    fingerprint: 0,
    documents: 0,
    unknowns: 0,
    shards: [],
    frequencies: new Array<number>(vocabSize).fill(0),
    heldOut: [],
  };
}

/**
 * The state that an interrupted `prepare` left, or null.
 *
 * @throws ConfigError when it was begun with another corpus, tokenizer or options
 */
export function readProgress(folder: string, identity: Identity): Progress | null {
  const path = join(folder, PROGRESS_FILE);
  if (!existsSync(path)) return null;
  const progress = readJsonFile(path, progressSchema, { what: 'how far "limbeck prepare" got', remedy: ADVICE });
  checkSame(folder, progress, identity);
  return progress;
}

/** @throws ConfigError naming what differs */
export function checkSame(folder: string, begun: Identity, now: Identity): void {
  const { options: a, tokenizerHash: tokenizerA } = begun;
  const { options: b, tokenizerHash: tokenizerB } = now;
  const pairs: [string, unknown, unknown][] = [["tokenizer", tokenizerA, tokenizerB]];
  for (const name of ["heldOut", "heldOutTokens", "shardTokens"] as const) pairs.push([name, a[name], b[name]]);
  const files = ({ corpus }: DatasetOptions) => corpus.map(({ path, bytes }) => `${path} (${bytes} bytes)`).join(", ");
  pairs.push(["corpus", files(a), files(b)]);
  const different = pairs.find(([, was, is]) => was !== is);
  if (different === undefined) return;
  const [name, was, is] = different;
  throw new ConfigError(
    `${folder}: the dataset there was begun with another ${name}: expected ${was}, got ${is}. Choose another folder, or the same options.`,
  );
}

export function writeProgress(folder: string, progress: Progress): void {
  replaceText(join(folder, PROGRESS_FILE), JSON.stringify(progress), { next: GO_ON });
}

/** Held-out documents as the progress file keeps them. */
export function packCandidates(candidates: readonly Candidate[]): Progress["heldOut"] {
  return candidates.map(({ document, ids }) => ({
    document,
    ids: Buffer.from(Uint32Array.from(ids).buffer).toString("base64"),
  }));
}

export function unpackCandidates(packed: Progress["heldOut"], bytesPerToken: 2 | 4): Candidate[] {
  return packed.map(({ document, ids }) => {
    const bytes = Uint8Array.from(Buffer.from(ids, "base64"));
    const wide = new Uint32Array(bytes.buffer, 0, bytes.length >> 2);
    return { document, ids: bytesPerToken === 2 ? Uint16Array.from(wide) : wide };
  });
}
