/**
 * The pairs of neighbouring symbols in all words: how often each occurs, and in which words.
 *
 * Everything lies in typed arrays, since there are millions of pairs and of places. A pair's words are a linked list
 * whose nodes are used again once the pair is merged.
 */
export class PairTable {
  left = new Int32Array(1 << 16);
  right = new Int32Array(1 << 16);
  counts = new Float64Array(1 << 16);
  #heads = new Int32Array(1 << 16);
  #slots = new Int32Array(1 << 18).fill(-1);
  #size = 0;
  #nodeWords = new Int32Array(1 << 20);
  #nodeNexts = new Int32Array(1 << 20);
  #nodes = 0;
  #freeNode = -1;

  /** The number of the pair (left, right), which is added with a count of 0 if it is new. */
  find(left: number, right: number): number {
    const mask = this.#slots.length - 1;
    let slot = pairHash(left, right) & mask;
    for (let pair = this.#slots[slot] as number; pair >= 0; pair = this.#slots[slot] as number) {
      if (this.left[pair] === left && this.right[pair] === right) return pair;
      slot = (slot + 1) & mask;
    }
    return this.#insert(slot, left, right);
  }

  add(pair: number, change: number): void {
    this.counts[pair] = (this.counts[pair] as number) + change;
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

  /** Every pair there is, by number: 0 up to this. */
  get size(): number {
    return this.#size;
  }

  #insert(slot: number, left: number, right: number): number {
    const pair = this.#size++;
    this.#slots[slot] = pair;
    if (pair === this.left.length) {
      this.left = grown(this.left);
      this.right = grown(this.right);
      this.counts = grown(this.counts);
      this.#heads = grown(this.#heads);
    }
    this.left[pair] = left;
    this.right[pair] = right;
    this.#heads[pair] = -1;
    if (this.#size * 2 > this.#slots.length) this.#index(this.#slots.length * 2);
    return pair;
  }

  #index(slots: number): void {
    this.#slots = new Int32Array(slots).fill(-1);
    for (let pair = 0; pair < this.#size; pair++) {
      let slot = pairHash(this.left[pair] as number, this.right[pair] as number) & (slots - 1);
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
      this.#nodeWords = grown(this.#nodeWords);
      this.#nodeNexts = grown(this.#nodeNexts);
    }
    return this.#nodes++;
  }
}

/** A max-heap of pairs by count; among equal counts the pair with the smaller symbols comes first. */
export class PairQueue {
  readonly #table: PairTable;
  readonly #pairs: number[] = [];
  readonly #counts: number[] = [];

  constructor(table: PairTable) {
    this.#table = table;
  }

  /** Enters the pair with its count of now. */
  push(pair: number): void {
    const count = this.#table.counts[pair] as number;
    let at = this.#pairs.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(pair, count, parent)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#pairs[at] = pair;
    this.#counts[at] = count;
  }

  /** The first pair and the count it had when it was entered, or null when the queue is empty. */
  pop(): { pair: number; count: number } | null {
    const pair = this.#pairs[0];
    const count = this.#counts[0];
    if (pair === undefined || count === undefined) return null;
    const lastPair = this.#pairs.pop() as number;
    const lastCount = this.#counts.pop() as number;
    if (this.#pairs.length > 0) this.#sink(lastPair, lastCount);
    return { pair, count };
  }

  #sink(pair: number, count: number): void {
    const length = this.#pairs.length;
    let at = 0;
    for (let child = 1; child < length; child = 2 * at + 1) {
      const other = child + 1;
      if (other < length && this.#before(this.#pairs[other] as number, this.#counts[other] as number, child)) child = other;
      if (this.#before(pair, count, child)) break;
      this.#move(child, at);
      at = child;
    }
    this.#pairs[at] = pair;
    this.#counts[at] = count;
  }

  #move(from: number, to: number): void {
    this.#pairs[to] = this.#pairs[from] as number;
    this.#counts[to] = this.#counts[from] as number;
  }

  #before(pair: number, count: number, at: number): boolean {
    const otherCount = this.#counts[at] as number;
    if (count !== otherCount) return count > otherCount;
    const { left, right } = this.#table;
    const other = this.#pairs[at] as number;
    const byLeft = (left[pair] as number) - (left[other] as number);
    return byLeft !== 0 ? byLeft < 0 : (right[pair] as number) < (right[other] as number);
  }
}

function pairHash(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right + 0x7f4a7c15, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

function grown<T extends Int32Array | Float64Array>(array: T): T {
  const larger = new (array.constructor as new (length: number) => T)(array.length * 2);
  larger.set(array);
  return larger;
}
