import { doubled } from "./growable.js";
import type { WordSink } from "./word-reader.js";

/** Words longer than this many characters become [UNK] whatever the vocabulary, so they are not counted. */
const MAX_WORD_CHARACTERS = 100;

/**
 * Counts words in bounded memory: a hash table over one arena of UTF-16 code units, about 60 bytes a word.
 *
 * When more than `maxWords` different words are held, the rarest are dropped (those seen once, then those seen twice,
 * and so on, until three quarters are left), and a dropped word that comes again starts from zero. Up to `maxWords`
 * every count is exact; beyond, it is a lower bound, off by no more than the counts that were dropped.
 */
export class WordCounts implements WordSink {
  readonly #maxWords: number;
  #units = new Uint16Array(1 << 20);
  #tail = 0; // The word being read lies in #units from #wordStart to #tail, after all the words that are kept.
  #wordStart = 0;
  #hash = 0;
  #astral = 0; // Low surrogates in the word being read: its characters are its units less these.
  #starts = new Uint32Array((1 << 16) + 1); // Word w has the units starts[w] to starts[w + 1].
  #counts = new Float64Array(1 << 16);
  #hashes = new Int32Array(1 << 16);
  #slots = new Int32Array(1 << 18).fill(-1);
  #size = 0;

  constructor({ maxWords = 2 ** 21 }: { maxWords?: number } = {}) {
    this.#maxWords = maxWords;
  }

  /** Number of different words held. */
  get size(): number {
    return this.#size;
  }

  count(word: number): number {
    return this.#counts[word] as number;
  }

  /** The code units of a word; a view that the next push() may invalidate. */
  units(word: number): Uint16Array {
    return this.#units.subarray(this.#starts[word], this.#starts[word + 1]);
  }

  push(unit: number): void {
    if (this.#tail === this.#units.length) this.#units = doubled(this.#units);
    this.#units[this.#tail++] = unit;
    this.#hash = Math.imul(this.#hash ^ unit, 0x01000193);
    if (unit >= 0xdc00 && unit <= 0xdfff) this.#astral++;
  }

  end(): void {
    const length = this.#tail - this.#wordStart;
    if (length === 0) return;
    if (length - this.#astral <= MAX_WORD_CHARACTERS) this.#countWord(length);
    this.#tail = this.#wordStart;
    this.#hash = 0;
    this.#astral = 0;
    if (this.#size > this.#maxWords) this.#prune();
  }

  #countWord(length: number): void {
    const hash = this.#hash ^ (this.#hash >>> 15);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let word = this.#slots[slot] as number; word >= 0; word = this.#slots[slot] as number) {
      if (this.#hashes[word] === hash && this.#equals(word, length)) {
        this.#counts[word] = (this.#counts[word] as number) + 1;
        return;
      }
      slot = (slot + 1) & mask;
    }
    this.#insert(slot, hash);
  }

  #equals(word: number, length: number): boolean {
    const start = this.#starts[word] as number;
    if ((this.#starts[word + 1] as number) - start !== length) return false;
    for (let i = 0; i < length; i++) if (this.#units[start + i] !== this.#units[this.#wordStart + i]) return false;
    return true;
  }

  #insert(slot: number, hash: number): void {
    const word = this.#size++;
    this.#slots[slot] = word;
    if (word === this.#counts.length) {
      this.#counts = doubled(this.#counts);
      this.#hashes = doubled(this.#hashes);
      this.#starts = doubled(this.#starts);
    }
    this.#counts[word] = 1;
    this.#hashes[word] = hash;
    this.#wordStart = this.#tail;
    this.#starts[word + 1] = this.#wordStart;
    if (this.#size * 2 > this.#slots.length) this.#index(this.#slots.length * 2);
  }

  #index(slots: number): void {
    this.#slots = new Int32Array(slots).fill(-1);
    for (let word = 0; word < this.#size; word++) {
      let slot = (this.#hashes[word] as number) & (slots - 1);
      while ((this.#slots[slot] as number) >= 0) slot = (slot + 1) & (slots - 1);
      this.#slots[slot] = word;
    }
  }

  #prune(): void {
    for (let rare = 1; this.#size > this.#maxWords * 0.75; rare++) this.#drop(rare);
    this.#tail = this.#wordStart = this.#starts[this.#size] as number;
    this.#index(this.#slots.length);
  }

  /** Drops the words seen at most `rare` times and closes the gaps, in place. */
  #drop(rare: number): void {
    let kept = 0;
    for (let word = 0; word < this.#size; word++) {
      const count = this.#counts[word] as number;
      if (count <= rare) continue;
      const start = this.#starts[word] as number;
      const end = this.#starts[word + 1] as number;
      const to = this.#starts[kept] as number;
      this.#units.copyWithin(to, start, end);
      this.#counts[kept] = count;
      this.#hashes[kept] = this.#hashes[word] as number;
      this.#starts[++kept] = to + end - start;
    }
    this.#size = kept;
  }
}
