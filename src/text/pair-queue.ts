import type { PairTable } from "./pair-table.js";

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
    const count = this.#table.count(pair);
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
      if (other < length && this.#before(this.#pairs[other] as number, this.#counts[other] as number, child))
        child = other;
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
    const table = this.#table;
    const other = this.#pairs[at] as number;
    const byLeft = table.left(pair) - table.left(other);
    return byLeft !== 0 ? byLeft < 0 : table.right(pair) < table.right(other);
  }
}
