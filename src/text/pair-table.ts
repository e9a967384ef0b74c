import { doubled } from "./growable.js";

/**
 * The pairs of neighbouring symbols in all words: how often each occurs, and in which words.
 *
 * Everything lies in typed arrays, since there are millions of pairs and of places. A pair's words are a linked list
 * whose nodes are used again once the pair is merged.
 */
export class PairTable {
  #lefts = new Int32Array(1 << 16);
  #rights = new Int32Array(1 << 16);
  #counts = new Float64Array(1 << 16);
  #heads = new Int32Array(1 << 16);
  #slots = new Int32Array(1 << 18).fill(-1);
  #size = 0;
  #nodeWords = new Int32Array(1 << 20);
  #nodeNexts = new Int32Array(1 << 20);
  #nodes = 0;
  #freeNode = -1;

  /** How many pairs there are; they are numbered from 0. */
  get size(): number {
    return this.#size;
  }

  /** The number of the pair (left, right), which is added with a count of 0 if it is new. */
  find(left: number, right: number): number {
    const mask = this.#slots.length - 1;
    let slot = pairHash(left, right) & mask;
    for (let pair = this.#slots[slot] as number; pair >= 0; pair = this.#slots[slot] as number) {
      if (this.#lefts[pair] === left && this.#rights[pair] === right) return pair;
      slot = (slot + 1) & mask;
    }
    return this.#insert(slot, left, right);
  }

  left(pair: number): number {
    return this.#lefts[pair] as number;
  }

  right(pair: number): number {
    return this.#rights[pair] as number;
  }

  count(pair: number): number {
    return this.#counts[pair] as number;
  }

  add(pair: number, change: number): void {
    this.#counts[pair] = (this.#counts[pair] as number) + change;
  }

  /** Notes that `word` holds the pair; the same word twice running is noted once. */
  addWord(pair: number, word: number): void {
    const head = this.#heads[pair] as number;
    if (head >= 0 && this.#nodeWords[head] === word) return;
    const node = this.#takeNode();
    this.#nodeWords[node] = word;
    this.#nodeNexts[node] = head;
    this.#heads[pair] = node;
  }

  hasWords(pair: number): boolean {
    return (this.#heads[pair] as number) >= 0;
  }

  /** Empties the pair's list of words, giving each to `visit`; some no longer hold the pair, and some come twice. */
  drainWords(pair: number, visit: (word: number) => void): void {
    let node = this.#heads[pair] as number;
    this.#heads[pair] = -1;
    while (node >= 0) {
      const next = this.#nodeNexts[node] as number;
      const word = this.#nodeWords[node] as number;
      this.#nodeNexts[node] = this.#freeNode;
      this.#freeNode = node;
      visit(word);
      node = next;
    }
  }

  #insert(slot: number, left: number, right: number): number {
    const pair = this.#size++;
    this.#slots[slot] = pair;
    if (pair === this.#lefts.length) {
      this.#lefts = doubled(this.#lefts);
      this.#rights = doubled(this.#rights);
      this.#counts = doubled(this.#counts);
      this.#heads = doubled(this.#heads);
    }
    this.#lefts[pair] = left;
    this.#rights[pair] = right;
    this.#heads[pair] = -1;
    if (this.#size * 2 > this.#slots.length) this.#index(this.#slots.length * 2);
    return pair;
  }

  #index(slots: number): void {
    this.#slots = new Int32Array(slots).fill(-1);
    for (let pair = 0; pair < this.#size; pair++) {
      let slot = pairHash(this.#lefts[pair] as number, this.#rights[pair] as number) & (slots - 1);
      while ((this.#slots[slot] as number) >= 0) slot = (slot + 1) & (slots - 1);
      this.#slots[slot] = pair;
    }
  }

  #takeNode(): number {
    if (this.#freeNode >= 0) {
      const node = this.#freeNode;
      this.#freeNode = this.#nodeNexts[node] as number;
      return node;
    }
    if (this.#nodes === this.#nodeWords.length) {
      this.#nodeWords = doubled(this.#nodeWords);
      this.#nodeNexts = doubled(this.#nodeNexts);
    }
    return this.#nodes++;
  }
}

function pairHash(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right + 0x7f4a7c15, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
