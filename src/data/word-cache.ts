import type { Tokenizer } from "../text/tokenizer.js";
import type { TokenArray } from "./shard.js";

/** Documents as ids, one after the other. */
export interface EncodedDocuments {
  readonly ids: TokenArray;
  /** Ids of each document. */
  readonly lengths: Uint32Array;
}

/** Words remembered at once: a few tens of megabytes. */
const CAPACITY = 1 << 18;
/** Longer words are rare, and not remembered. */
const LONGEST_WORD = 48;
const LENGTH_FACTOR = 1024;

/**
 * Encodes documents with a memory of the words seen, about six times faster than the tokenizer alone.
 *
 * A BERT tokenizer splits at white space before all else, and what it makes of a word does not depend on its
 * neighbours; so text may be cut at every space, and a word need be encoded once. Special tokens that are spelled out in
 * the text ("[SEP]") are left out: in a shard they would be taken for structure.
 */
export class CachedEncoder {
  readonly #tokenizer: Tokenizer;
  readonly #separator: RegExp;
  readonly #dropped: ReadonlySet<number>;
  readonly #bytesPerToken: 2 | 4;
  /** word → where its ids start in the arena · 1024 + how many there are */
  readonly #places = new Map<string, number>();
  #arena = new Uint32Array(CAPACITY * 2);
  #used = 0;

  constructor(tokenizer: Tokenizer, bytesPerToken: 2 | 4) {
    this.#tokenizer = tokenizer;
    this.#bytesPerToken = bytesPerToken;
    this.#separator = hasSpacedToken(tokenizer) ? /\n/ : /[ \n]/; // An added token such as "New York" is found in a line only.
    this.#dropped = new Set([...tokenizer.specialIds].filter((id) => id !== tokenizer.ids.unk));
  }

  async encode(documents: readonly string[]): Promise<EncodedDocuments> {
    if (this.#places.size > CAPACITY) this.#forget();
    const words = documents.map((document) => document.split(this.#separator));
    const passing = await this.#learn(words);
    const lengths = new Uint32Array(documents.length);
    let total = 0;
    for (const [i, list] of words.entries()) {
      for (const word of list) lengths[i] = (lengths[i] ?? 0) + this.#lengthOf(word, passing);
      total += lengths[i] ?? 0;
    }
    const ids = this.#bytesPerToken === 2 ? new Uint16Array(total) : new Uint32Array(total);
    let end = 0;
    for (const list of words) for (const word of list) end = this.#copy(word, passing, ids, end);
    return { ids, lengths };
  }

  /** Encodes the words that are not known, and gives back those that are not to be remembered. */
  async #learn(words: readonly (readonly string[])[]): Promise<Map<string, Uint32Array>> {
    const unknown = new Set<string>();
    for (const list of words) for (const word of list) if (!this.#places.has(word)) unknown.add(word);
    const passing = new Map<string, Uint32Array>();
    const fresh = [...unknown];
    const encoded = await this.#tokenizer.encodeIds(fresh);
    for (const [i, word] of fresh.entries()) {
      const ids = (encoded[i] ?? new Uint32Array()).filter((id) => !this.#dropped.has(id));
      if (word.length > LONGEST_WORD) passing.set(word, ids);
      else this.#remember(word, ids);
    }
    return passing;
  }

  #remember(word: string, ids: Uint32Array): void {
    if (this.#used + ids.length > this.#arena.length) {
      const larger = new Uint32Array(this.#arena.length * 2);
      larger.set(this.#arena);
      this.#arena = larger;
    }
    this.#arena.set(ids, this.#used);
    // A word cut out of a document keeps all of the document alive; a copy does not.
    this.#places.set(Buffer.from(word, "utf16le").toString("utf16le"), this.#used * LENGTH_FACTOR + ids.length);
    this.#used += ids.length;
  }

  #lengthOf(word: string, passing: Map<string, Uint32Array>): number {
    const place = this.#places.get(word);
    return place === undefined ? (passing.get(word)?.length ?? 0) : place % LENGTH_FACTOR;
  }

  #copy(word: string, passing: Map<string, Uint32Array>, into: TokenArray, at: number): number {
    const place = this.#places.get(word);
    if (place === undefined) {
      const ids = passing.get(word) ?? new Uint32Array();
      into.set(ids, at);
      return at + ids.length;
    }
    const start = Math.floor(place / LENGTH_FACTOR);
    const count = place % LENGTH_FACTOR;
    for (let i = 0; i < count; i++) into[at + i] = this.#arena[start + i] ?? 0;
    return at + count;
  }

  #forget(): void {
    this.#places.clear();
    this.#used = 0;
  }
}

function hasSpacedToken(tokenizer: Tokenizer): boolean {
  return Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.idToToken(id) ?? "").some((token) =>
    /\s/.test(token),
  );
}
