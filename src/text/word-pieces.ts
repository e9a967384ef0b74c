import { ConfigError } from "../errors.js";
import { PairQueue, PairTable } from "./pair-table.js";
import type { WordCounts } from "./word-counts.js";

export interface LearnOptions {
  vocabSize: number;
  minFrequency: number;
  limitAlphabet: number;
  specialTokens: readonly string[];
  onPieces?: (pieces: number) => void;
}

/**
 * Learns a WordPiece vocabulary from word counts: the special tokens, the alphabet by code point, the "##" alphabet by
 * code point, then the merges in the order they were made.
 *
 * Each round joins the pair of neighbouring symbols that occurs most often, every word weighed by its count, until
 * there are `vocabSize` pieces or no pair occurs `minFrequency` times. Characters outside the alphabet are left out of
 * their words. Among equal counts the pair with the smaller piece numbers wins, so the result depends on the counts
 * alone. As in the original, the count of a pair is not taken back once it is merged: where the same piece arises in
 * two ways, a pair made again later is met early.
 *
 * Source: Hugging Face tokenizers, WordPieceTrainer and BpeTrainer.
 * @throws ConfigError when the alphabet alone is larger than `vocabSize`.
 */
export function learnPieces(words: WordCounts, options: LearnOptions): string[] {
  const learner = new MergeLearner(words, options);
  learner.run(options);
  return learner.pieces;
}

class MergeLearner {
  readonly pieces: string[];
  readonly #ids: Map<string, number>;
  readonly #counts: Float64Array;
  readonly #starts: Uint32Array;
  readonly #lengths: Uint8Array;
  readonly #symbols: Int32Array;
  readonly #pairs = new PairTable();
  readonly #queue = new PairQueue(this.#pairs);

  constructor(words: WordCounts, { vocabSize, limitAlphabet, specialTokens }: LearnOptions) {
    const alphabet = chooseAlphabet(words, limitAlphabet);
    this.pieces = [...new Set([...specialTokens, ...alphabet.first, ...alphabet.continuing.map((char) => `##${char}`)])];
    if (this.pieces.length > vocabSize) {
      throw new ConfigError(
        `vocabulary size ${vocabSize} does not hold the alphabet: the special tokens and ${alphabet.first.length} characters take ${this.pieces.length} pieces. Raise the vocabulary size or lower limitAlphabet.`,
      );
    }
    this.#ids = new Map(this.pieces.map((piece, id) => [piece, id]));
    this.#counts = new Float64Array(words.size);
    this.#starts = new Uint32Array(words.size + 1);
    this.#lengths = new Uint8Array(words.size); // Words are at most 100 characters.
    this.#symbols = this.#readSymbols(words);
  }

  run({ vocabSize, minFrequency, onPieces }: LearnOptions): void {
    const least = Math.max(1, minFrequency);
    this.#countPairs(least);
    while (this.pieces.length < vocabSize) {
      const top = this.#queue.pop();
      if (top === null) break;
      if (!this.#pairs.hasWords(top.pair)) continue; // Entered twice and merged already.
      const count = this.#pairs.counts[top.pair] as number;
      if (count < least) continue;
      if (count === top.count) this.#merge(top.pair, least);
      else this.#queue.push(top.pair);
      if (this.pieces.length % 500 === 0) onPieces?.(this.pieces.length);
    }
    onPieces?.(this.pieces.length);
  }

  #readSymbols(words: WordCounts): Int32Array {
    let total = 0;
    for (let word = 0; word < words.size; word++) total += words.units(word).length;
    const symbols = new Int32Array(total);
    const first = symbolTable(this.#ids, "");
    const continuing = symbolTable(this.#ids, "##");
    let at = 0;
    for (let word = 0; word < words.size; word++) {
      this.#counts[word] = words.count(word);
      this.#starts[word] = at;
      let table = first;
      forEachCharacter(words.units(word), (code) => {
        const id = table.get(code);
        if (id !== undefined) symbols[at++] = id;
        table = continuing;
      });
      this.#lengths[word] = at - (this.#starts[word] as number);
    }
    return symbols;
  }

  #countPairs(least: number): void {
    for (let word = 0; word < this.#lengths.length; word++) {
      const start = this.#starts[word] as number;
      const end = start + (this.#lengths[word] as number);
      for (let i = start + 1; i < end; i++) {
        const pair = this.#pairs.find(this.#symbols[i - 1] as number, this.#symbols[i] as number);
        this.#pairs.add(pair, this.#counts[word] as number);
        this.#pairs.addWord(pair, word);
      }
    }
    for (let pair = 0; pair < this.#pairs.size; pair++) this.#enter(pair, least);
  }

  /** A pair below the least count can wait: if it grows, it is entered then. */
  #enter(pair: number, least: number): void {
    if ((this.#pairs.counts[pair] as number) >= least) this.#queue.push(pair);
  }

  #merge(pair: number, least: number): void {
    const left = this.#pairs.left[pair] as number;
    const right = this.#pairs.right[pair] as number;
    const merged = this.#piece(`${this.pieces[left]}${this.pieces[right]?.slice(2)}`);
    const formed = new Set<number>();
    this.#pairs.drainWords(pair, (word) => this.#mergeWord(word, { left, right, merged, formed }));
    for (const pair of formed) this.#enter(pair, least);
  }

  #piece(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known; // "a" + "##bc" after "ab" + "##c".
    this.#ids.set(text, this.pieces.length);
    return this.pieces.push(text) - 1;
  }

  #mergeWord(word: number, { left, right, merged, formed }: WordMerge): void {
    const symbols = this.#symbols;
    const start = this.#starts[word] as number;
    const end = start + (this.#lengths[word] as number);
    let to = start;
    for (let from = start; from < end; from++) {
      const symbol = symbols[from] as number;
      if (symbol !== left || from + 1 === end || symbols[from + 1] !== right) {
        symbols[to++] = symbol;
        continue;
      }
      from++; // The pair's second symbol goes.
      if (to > start) this.#replace(word, symbols[to - 1] as number, left, symbols[to - 1] as number, merged, formed);
      if (from + 1 < end) this.#replace(word, right, symbols[from + 1] as number, merged, symbols[from + 1] as number, formed);
      symbols[to++] = merged;
    }
    this.#lengths[word] = to - start;
  }

  #replace(word: number, oldLeft: number, oldRight: number, left: number, right: number, formed: Set<number>): void {
    const count = this.#counts[word] as number;
    this.#pairs.add(this.#pairs.find(oldLeft, oldRight), -count);
    const pair = this.#pairs.find(left, right);
    this.#pairs.add(pair, count);
    this.#pairs.addWord(pair, word);
    formed.add(pair);
  }
}

interface WordMerge {
  left: number;
  right: number;
  merged: number;
  /** Pairs that the merge made or made more of. */
  formed: Set<number>;
}

/** The `limit` most frequent characters, the lower code point first among equals, and those that continue a word. */
function chooseAlphabet(words: WordCounts, limit: number): { first: string[]; continuing: string[] } {
  const counts = new Map<number, number>();
  const inside = new Set<number>();
  for (let word = 0; word < words.size; word++) {
    const count = words.count(word);
    forEachCharacter(words.units(word), (code, at) => {
      counts.set(code, (counts.get(code) ?? 0) + count);
      if (at > 0) inside.add(code);
    });
  }
  const kept = [...counts]
    .sort(([codeA, a], [codeB, b]) => b - a || codeA - codeB)
    .slice(0, limit)
    .map(([code]) => code)
    .sort((a, b) => a - b);
  const characters = (codes: number[]) => codes.map((code) => String.fromCodePoint(code));
  return { first: characters(kept), continuing: characters(kept.filter((code) => inside.has(code))) };
}

function symbolTable(ids: Map<string, number>, prefix: string): Map<number, number> {
  const table = new Map<number, number>();
  for (const [piece, id] of ids) {
    if (!piece.startsWith(prefix)) continue;
    const [character, ...rest] = piece.slice(prefix.length);
    if (character !== undefined && rest.length === 0) table.set(character.codePointAt(0) as number, id);
  }
  return table;
}

function forEachCharacter(units: Uint16Array, visit: (code: number, at: number) => void): void {
  for (let i = 0, at = 0; i < units.length; i++, at++) {
    const unit = units[i] as number;
    if (unit < 0xd800 || unit > 0xdbff) visit(unit, at);
    else visit((unit - 0xd800) * 0x400 + ((units[++i] as number) - 0xdc00) + 0x10000, at);
  }
}
