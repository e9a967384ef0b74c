import { doubled } from "../text/growable.js";

/** Slots of the hash table, a power of two. */
const SLOTS = 1 << 21;

/**
 * Numbers the different words of texts, 0, 1, 2 … as they first come, without making a string of a word that is known:
 * a hash table with open addressing over the characters of the words themselves.
 */
export class WordTable {
  /** Word number + 1, or 0 where the slot is free. */
  readonly #slots = new Uint32Array(SLOTS);
  /** The words' characters, one word after the other; word n starts at #starts[n]. */
  #characters = new Uint16Array(1 << 18);
  #starts = new Uint32Array(1 << 16);
  #size = 0;

  /** How many words there are. */
  get size(): number {
    return this.#size;
  }

  /** UTF-16 units of all words together. */
  get units(): number {
    return this.#starts[this.#size] ?? 0;
  }

  /** The number of the word at [start, end) of `text`, a new one when it was not seen. */
  number(text: string, start: number, end: number): number {
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    let slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    for (let held = this.#slots[slot] as number; held !== 0; held = this.#slots[slot] as number) {
      if (this.#equals(held - 1, text, start, end)) return held - 1;
      slot = (slot + 1) & (SLOTS - 1);
    }
    this.#add(text, start, end);
    this.#slots[slot] = this.#size;
    return this.#size - 1;
  }

  text(number: number): string {
    const bytes = this.#characters.subarray(this.#starts[number], this.#starts[number + 1]);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf16le");
  }

  clear(): void {
    this.#slots.fill(0);
    this.#size = 0;
  }

  #equals(number: number, text: string, start: number, end: number): boolean {
    const at = this.#starts[number] as number;
    if ((this.#starts[number + 1] as number) - at !== end - start) return false;
    const characters = this.#characters;
    for (let i = start; i < end; i++) if (characters[at + i - start] !== text.charCodeAt(i)) return false;
    return true;
  }

  #add(text: string, start: number, end: number): void {
    const at = this.units;
    if (this.#size + 2 > this.#starts.length) this.#starts = doubled(this.#starts);
    while (at + end - start > this.#characters.length) {
      this.#characters = doubled(this.#characters);
    }
    for (let i = start; i < end; i++) this.#characters[at + i - start] = text.charCodeAt(i);
    this.#starts[++this.#size] = at + end - start;
  }
}
