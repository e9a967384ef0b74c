import type { TokenArray } from "./shard.js";

/** A document that may be held out. */
export interface Candidate {
  /** Its number in the corpus, from 0. */
  readonly document: number;
  readonly ids: TokenArray;
}

interface Ranked extends Candidate {
  /** Below 1 when the document is chosen, from 1 up when it stands by. */
  readonly rank: number;
}

/**
 * Chooses the held-out documents as they stream by: a share of all, by a hash of their tokens (so that copies of a
 * document stay on one side), and of these the ones with the smallest hashes that fit in a budget of tokens: a fair sample
 * of the whole corpus, not of its start. One document is kept in any case.
 */
export class HeldOutPool {
  readonly #share: number;
  readonly #budget: number;
  /** By rank. */
  #pool: Ranked[] = [];
  #tokens = 0;

  constructor(share: number, budget: number) {
    this.#share = share;
    this.#budget = budget;
  }

  /** Takes a document in, and gives back those that belong to the training split after all, oldest first. */
  offer(candidate: Candidate): Candidate[] {
    if (this.#share === 0) return [candidate];
    const unit = hashOf(candidate.ids) / 2 ** 32;
    const chosen = unit < this.#share && candidate.ids.length < this.#budget;
    const rank = chosen ? unit : 1 + unit;
    if (!chosen && rank >= (this.#pool[0]?.rank ?? Number.POSITIVE_INFINITY)) return [candidate]; // As most do.
    this.#pool.splice(this.#placeOf(rank), 0, { ...candidate, rank });
    this.#tokens += candidate.ids.length + 1;
    const evicted: Candidate[] = [];
    for (let last = this.#pool.at(-1); last && this.#overfull(last); last = this.#pool.at(-1)) {
      evicted.push(last);
      this.#tokens -= last.ids.length + 1;
      this.#pool.pop();
    }
    return evicted.sort((a, b) => a.document - b.document);
  }

  /** The documents held out so far, in the order of the corpus. */
  documents(): Candidate[] {
    return [...this.#pool].sort((a, b) => a.document - b.document);
  }

  /** Puts back what `documents` gave. */
  restore(candidates: readonly Candidate[]): void {
    this.#pool = [];
    this.#tokens = 0;
    for (const candidate of candidates) this.offer(candidate);
  }

  #overfull(last: Ranked): boolean {
    return this.#pool.length > 1 && (last.rank >= 1 || this.#tokens > this.#budget);
  }

  /** Behind all of the same rank: equal documents stay in the order they came. */
  #placeOf(rank: number): number {
    let low = 0;
    let high = this.#pool.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#pool[middle]?.rank ?? 0) <= rank) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** FNV-1a over the ids, with the finaliser of MurmurHash3: FNV's upper bits alone are not even. */
function hashOf(ids: TokenArray): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < ids.length; i++) h = Math.imul(h ^ (ids[i] ?? 0), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
