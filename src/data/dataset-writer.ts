import { rmSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "../errors.js";
import { replaceText } from "../storage/atomic-files.js";
import { digestFile } from "../storage/digest.js";
import type { Tokenizer } from "../text/tokenizer.js";
import { HeldOutPool } from "./held-out.js";
import { type DatasetManifest, FREQUENCIES_FILE, MANIFEST_HEAD, type ShardEntry, writeManifest } from "./manifest.js";
import { PROGRESS_FILE, type Progress, packCandidates, unpackCandidates, writeProgress } from "./prepare-progress.js";
import { bytesPerTokenOf, GO_ON, ShardWriter, type TokenArray, verifyShard } from "./shard.js";

/** Writes documents to shards in the order they come, and notes after each shard where it stands. */
export class DatasetWriter {
  readonly #folder: string;
  readonly #tokenizer: Tokenizer;
  readonly #progress: Progress;
  readonly #pool: HeldOutPool;
  readonly #frequencies: Float64Array;
  #shard: ShardWriter | null = null;
  #tokens = 0;

  /**
   * Goes on from `progress`.
   *
   * @throws FormatError naming a finished shard that is not as it was written
   */
  constructor(folder: string, tokenizer: Tokenizer, progress: Progress) {
    const { heldOut, heldOutTokens } = progress.options;
    this.#folder = folder;
    this.#tokenizer = tokenizer;
    this.#progress = structuredClone(progress);
    for (const { file, sha256 } of progress.shards) verifyShard(join(folder, file), sha256);
    this.#frequencies = Float64Array.from(progress.frequencies);
    this.#pool = new HeldOutPool(heldOut, heldOutTokens);
    this.#pool.restore(unpackCandidates(progress.heldOut, bytesPerTokenOf(tokenizer.vocabSize)));
    this.#tokens = progress.shards.reduce((sum, { tokens }) => sum + tokens, 0);
  }

  /** Documents of the corpus that are dealt with. */
  get consumed(): number {
    return this.#progress.consumed;
  }

  /** Tokens seen, separators and held-out documents included. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Takes the next document, and the fingerprint of the corpus up to its end. */
  add(ids: TokenArray, fingerprint: number): void {
    const progress = this.#progress;
    const document = progress.consumed++;
    progress.fingerprint = fingerprint;
    if (ids.length === 0) return;
    progress.documents++;
    this.#tokens += ids.length + 1;
    for (let i = 0; i < ids.length; i++) if (ids[i] === this.#tokenizer.ids.unk) progress.unknowns++;
    for (const candidate of this.#pool.offer({ document, ids })) this.#append(candidate.ids);
    if ((this.#shard?.tokenCount ?? 0) >= progress.options.shardTokens) this.#checkpoint();
  }

  /** Writes what is left, the held-out split, the frequencies, and dataset.json last of all. */
  finish(): DatasetManifest {
    if (this.#progress.documents === 0) {
      throw new FormatError(this.#folder, "the corpus has no tokens: its documents are blank to the tokenizer.");
    }
    const heldOut = this.#pool.documents();
    if (this.#progress.documents === 1) for (const { ids } of heldOut.splice(0)) this.#append(ids);
    this.#closeShard();
    const held: ShardEntry[] = [];
    if (heldOut.length > 0) {
      const writer = this.#newShard("heldout-00000.tokens");
      for (const { ids } of heldOut) writer.append(ids);
      held.push(this.#entryOf(writer));
    }
    const counts = `${JSON.stringify([...this.#frequencies])}\n`;
    const { sha256 } = replaceText(join(this.#folder, FREQUENCIES_FILE), counts, { next: GO_ON });
    const manifest = this.#manifest(held, sha256);
    writeManifest(this.#folder, manifest);
    rmSync(join(this.#folder, PROGRESS_FILE), { force: true });
    return manifest;
  }

  /** Gives up the shard that is being written; the finished ones stay. */
  abandon(): void {
    this.#shard?.abandon();
    this.#shard = null;
  }

  #append(ids: TokenArray): void {
    this.#shard ??= this.#newShard(`shard-${String(this.#progress.shards.length).padStart(5, "0")}.tokens`);
    this.#shard.append(ids);
    const frequencies = this.#frequencies;
    for (let i = 0; i < ids.length; i++) frequencies[ids[i] ?? 0] = (frequencies[ids[i] ?? 0] ?? 0) + 1;
    const { sep } = this.#tokenizer.ids;
    frequencies[sep] = (frequencies[sep] ?? 0) + 1;
  }

  #newShard(file: string): ShardWriter {
    const { vocabSize, ids } = this.#tokenizer;
    return new ShardWriter(join(this.#folder, file), bytesPerTokenOf(vocabSize), ids.sep);
  }

  #checkpoint(): void {
    this.#closeShard();
    this.#progress.frequencies = [...this.#frequencies];
    this.#progress.heldOut = packCandidates(this.#pool.documents());
    writeProgress(this.#folder, this.#progress);
  }

  #closeShard(): void {
    const shard = this.#shard;
    if (shard === null) return;
    this.#shard = null;
    this.#progress.shards.push(this.#entryOf(shard));
  }

  #entryOf(writer: ShardWriter): ShardEntry {
    writer.finish();
    return {
      file: writer.path.slice(this.#folder.length).replace(/^[\\/]/, ""),
      tokens: writer.tokenCount,
      documents: writer.documentCount,
      ...digestFile(writer.path, "a token shard"),
    };
  }

  #manifest(held: ShardEntry[], frequenciesSha256: string): DatasetManifest {
    const { options, documents, unknowns, shards } = this.#progress;
    const split = (entries: ShardEntry[]) => ({
      tokens: entries.reduce((sum, { tokens }) => sum + tokens, 0),
      documents: entries.reduce((sum, entry) => sum + entry.documents, 0),
      shards: entries,
    });
    const { hash, vocabSize, ids } = this.#tokenizer;
    const splits = { train: split(shards), heldout: split(held) };
    return {
      ...MANIFEST_HEAD,
      tokenizer: { hash, vocabSize, separatorId: ids.sep },
      documents,
      tokens: splits.train.tokens + splits.heldout.tokens,
      unknowns,
      frequencies: { file: FREQUENCIES_FILE, sha256: frequenciesSha256 },
      splits,
      options,
    };
  }
}
