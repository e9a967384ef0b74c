import type { Tokenizer } from "../text/tokenizer.js";
import type { TokenArray } from "./shard.js";
import { WordTable } from "./word-table.js";

/** Documents as ids, one after the other. */
export interface EncodedDocuments {
  readonly ids: TokenArray;
  /** Ids of each document. */
  readonly lengths: Uint32Array;
}

/** Words and characters remembered before all are forgotten: some tens of megabytes. */
const MOST_WORDS = 1 << 18;
const MOST_UNITS = 1 << 23;

/** Words given to the tokenizer at once: what it makes of each takes half a kilobyte until it is read. */
const LEARNED_AT_ONCE = 1 << 14;

const SPACE = 0x20;
const NEWLINE = 0x0a;
const ASCII_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~"; // Without "_", which counts as a letter where added tokens end.

/**
 * Encodes documents with a memory of the words seen, several times faster than the tokenizer alone.
 *
 * A BERT tokenizer splits at white space and punctuation before all else, and what it makes of a word does not depend on
 * its neighbours; so text may be cut there, and a word need be encoded once. Special tokens that are spelled out in the
 * text ("[SEP]") are left out: in a shard they would be taken for structure.
 */
export class CachedEncoder {
  readonly #tokenizer: Tokenizer;
  readonly #dropped: ReadonlySet<number>;
  readonly #bytesPerToken: 2 | 4;
  readonly #mostWords: number;
  readonly #cut: Cut;
  readonly #words = new WordTable();
  /** Where the ids of each word start; they end where the next word's start. */
  #starts = new Uint32Array(1 << 16);
  #ids = new Uint32Array(1 << 18);
  /** The words of the documents at hand, by number; kept, as a new one for each document would be garbage soon. */
  #numbers = new Uint32Array(1 << 18);
  #last: Promise<unknown> = Promise.resolve();

  constructor(tokenizer: Tokenizer, bytesPerToken: 2 | 4, mostWords = MOST_WORDS) {
    this.#mostWords = mostWords;
    this.#tokenizer = tokenizer;
    this.#bytesPerToken = bytesPerToken;
    this.#cut = cutOf(tokenizer);
    this.#dropped = new Set([...tokenizer.specialIds].filter((id) => id !== tokenizer.ids.unk));
  }

  /** Calls wait for one another: what a word is encoded as must be known before the next text is looked at. */
  encode(documents: readonly string[]): Promise<EncodedDocuments> {
    const encoded = this.#last.then(() => this.#encode(documents));
    this.#last = encoded.catch(() => {});
    return encoded;
  }

  async #encode(documents: readonly string[]): Promise<EncodedDocuments> {
    if (this.#words.size > this.#mostWords || this.#words.units > MOST_UNITS) this.#words.clear();
    const known = this.#words.size;
    let wordCount = 0;
    const wordEnds = documents.map((document) => {
      wordCount = this.#number(document, wordCount);
      return wordCount;
    });
    for (let first = known; first < this.#words.size; first += LEARNED_AT_ONCE) await this.#learn(first);
    const lengths = Uint32Array.from(wordEnds, (end, i) => this.#lengthOf(wordEnds[i - 1] ?? 0, end));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const ids = this.#bytesPerToken === 2 ? new Uint16Array(total) : new Uint32Array(total);
    this.#copy(wordCount, ids);
    return { ids, lengths };
  }

  /** Puts the number of each word of a document at `#numbers`, from `count` on; gives the new count. */
  #number(document: string, count: number): number {
    const cut = this.#cut;
    this.#numbers = withRoom(this.#numbers, count + document.length);
    const numbers = this.#numbers;
    let end = count;
    let start = 0;
    for (let i = 0; i <= document.length; i++) {
      const unit = i < document.length ? document.charCodeAt(i) : NEWLINE;
      const kind = unit < 128 ? cut[unit] : 0;
      if (kind === 0) continue;
      if (i > start) numbers[end++] = this.#words.number(document, start, i);
      if (kind === ALONE) numbers[end++] = this.#words.number(document, i, i + 1);
      start = i + 1;
    }
    return end;
  }

  /** Encodes some words, from number `first` on. */
  async #learn(first: number): Promise<void> {
    const last = Math.min(first + LEARNED_AT_ONCE, this.#words.size);
    const fresh = Array.from({ length: last - first }, (_, i) => this.#words.text(first + i));
    const encoded = await this.#tokenizer.encodeIds(fresh);
    this.#starts = withRoom(this.#starts, last + 1);
    for (const [i, all] of encoded.entries()) {
      const ids = all.filter((id) => !this.#dropped.has(id));
      const start = this.#starts[first + i] ?? 0;
      this.#ids = withRoom(this.#ids, start + ids.length);
      this.#ids.set(ids, start);
      this.#starts[first + i + 1] = start + ids.length;
    }
  }

  /** Ids of the words that stand at [start, end) of `#numbers`. */
  #lengthOf(start: number, end: number): number {
    const [numbers, starts] = [this.#numbers, this.#starts];
    let length = 0;
    for (let i = start; i < end; i++) {
      const word = numbers[i] as number;
      length += (starts[word + 1] as number) - (starts[word] as number);
    }
    return length;
  }

  #copy(wordCount: number, into: TokenArray): void {
    const [numbers, starts, ids] = [this.#numbers, this.#starts, this.#ids];
    let end = 0;
    for (let i = 0; i < wordCount; i++) {
      const word = numbers[i] as number;
      const last = starts[word + 1] as number;
      for (let at = starts[word] as number; at < last; at++) into[end++] = ids[at] as number;
    }
  }
}

/** By ASCII code: 0 within a word, `BETWEEN` where a word ends, `ALONE` when the character is a word itself. */
type Cut = Uint8Array;
const BETWEEN = 1;
const ALONE = 2;

/**
 * Where text may be cut without changing its ids. A token with punctuation or a space in it, such as [MASK] or an added
 * "New York", is looked for before the text is split, so none of its characters may end a word.
 */
function cutOf(tokenizer: Tokenizer): Cut {
  const cut = new Uint8Array(128);
  for (const character of ASCII_PUNCTUATION) cut[character.charCodeAt(0)] = ALONE;
  cut[SPACE] = BETWEEN;
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    const content = (tokenizer.idToToken(id) ?? "").replace(/^##/, "");
    if (content.length < 2) continue;
    for (let i = 0; i < content.length; i++) if (content.charCodeAt(i) < 128) cut[content.charCodeAt(i)] = 0;
  }
  cut[NEWLINE] = BETWEEN; // Paragraphs are encoded one by one, whatever the tokenizer.
  return cut;
}

function withRoom(array: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  if (length <= array.length) return array;
  const larger = new Uint32Array(Math.max(length, array.length * 2));
  larger.set(array);
  return larger;
}
