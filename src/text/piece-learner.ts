import { ConfigError } from "../errors.js";
import { PairQueue } from "./pair-queue.js";
import { PairTable } from "./pair-table.js";
import type { WordCounts } from "./word-counts.js";

const PIECES_PER_REPORT = 500;

interface LearnOptions {
  vocabSize: number;
  minFrequency: number;
  limitAlphabet: number;
  specialTokens: readonly string[];
  /** Told the number of pieces now and then, and at the end. */
  onPieces?: (pieces: number) => void;
}

/**
 * Learns a WordPiece vocabulary from word counts: the special tokens, the alphabet by code point, the "##" alphabet by
 * code point, then the merged pieces in the order they arose.
 *
 * Each round joins the pair of neighbouring pieces that occurs most often, every word weighed by its count, until
 * there are `vocabSize` pieces or no pair occurs `minFrequency` times. Characters outside the alphabet are left out of
 * their words. Among equal counts the pair with the smaller piece numbers wins, so the result depends on the counts
 * alone. As in the original, a pair keeps its count once it is joined: where the same piece arises in two ways, and
 * so the pair arises again, it is met early.
 *
 * @throws ConfigError when the alphabet alone is larger than `vocabSize`.
 * Source: Hugging Face tokenizers, WordPieceTrainer and the BpeTrainer under it.
 */
export function learnPieces(words: WordCounts, options: LearnOptions): string[] {
  const learner = new PieceLearner(words, options);
  learner.learn();
  return learner.pieces;
}

interface Merge {
  left: number;
  right: number;
  merged: number;
}

class PieceLearner {
  readonly pieces: string[];
  readonly #options: LearnOptions;
  readonly #ids: Map<string, number>;
  readonly #counts: Float64Array; // Of each word.
  readonly #starts: Uint32Array; // Where each word begins in #symbols.
  readonly #lengths: Uint8Array; // A word has at most 100 characters.
  readonly #symbols: Int32Array; // Piece ids.
  readonly #pairs = new PairTable();
  readonly #queue = new PairQueue(this.#pairs);
  readonly #grown = new Set<number>(); // The pairs that the merge at hand makes, or makes more of.

  constructor(words: WordCounts, options: LearnOptions) {
    this.#options = options;
    const { first, continuing } = chooseAlphabet(words, options.limitAlphabet);
    this.pieces = [
      ...new Set([...options.specialTokens, ...first, ...continuing.map((character) => `##${character}`)]),
    ];
    if (this.pieces.length > options.vocabSize) {
      throw new ConfigError(
        `a vocabulary of ${options.vocabSize} pieces is too small: the special tokens and an alphabet of ${first.length} characters take ${this.pieces.length}. Raise the vocabulary size or lower limitAlphabet.`,
      );
    }
    this.#ids = new Map(this.pieces.map((piece, id) => [piece, id]));
    this.#counts = new Float64Array(words.size);
    this.#starts = new Uint32Array(words.size);
    this.#lengths = new Uint8Array(words.size);
    this.#symbols = this.#readSymbols(words);
  }

  learn(): void {
    const { vocabSize, onPieces } = this.#options;
    this.#countPairs();
    let report = this.pieces.length;
    while (this.pieces.length < vocabSize) {
      const pair = this.#mostFrequentPair();
      if (pair === null) break;
      this.#merge(pair);
      if (this.pieces.length < report) continue;
      onPieces?.(this.pieces.length);
      report += PIECES_PER_REPORT;
    }
    onPieces?.(this.pieces.length);
  }

  #readSymbols(words: WordCounts): Int32Array {
    let units = 0;
    for (let word = 0; word < words.size; word++) units += words.units(word).length;
    const symbols = new Int32Array(units);
    const first = characterIds(this.#ids, "");
    const continuing = characterIds(this.#ids, "##");
    let end = 0;
    for (let word = 0; word < words.size; word++) {
      const start = end;
      forEachCharacter(words.units(word), (code, at) => {
        const id = (at === 0 ? first : continuing).get(code);
        if (id !== undefined) symbols[end++] = id;
      });
      this.#counts[word] = words.count(word);
      this.#starts[word] = start;
      this.#lengths[word] = end - start;
    }
    return symbols;
  }

  #countPairs(): void {
    for (let word = 0; word < this.#lengths.length; word++) {
      const start = this.#starts[word] as number;
      const end = start + (this.#lengths[word] as number);
      for (let i = start + 1; i < end; i++)
        this.#gain(word, this.#symbols[i - 1] as number, this.#symbols[i] as number);
    }
    for (let pair = 0; pair < this.#pairs.size; pair++) this.#enter(pair);
  }

  /** A pair below the least count can wait: if it grows, it is entered again. */
  #enter(pair: number): void {
    if (this.#pairs.count(pair) >= Math.max(1, this.#options.minFrequency)) this.#queue.push(pair);
  }

  #mostFrequentPair(): number | null {
    for (let top = this.#queue.pop(); top !== null; top = this.#queue.pop()) {
      if (!this.#pairs.hasWords(top.pair)) continue; // Entered twice, and joined already.
      if (this.#pairs.count(top.pair) === top.count) return top.pair;
      this.#enter(top.pair); // Its count has changed since.
    }
    return null;
  }

  #merge(pair: number): void {
    const left = this.#pairs.left(pair);
    const right = this.#pairs.right(pair);
    const merged = this.#piece(`${this.pieces[left]}${this.pieces[right]?.slice(2)}`);
    const merge = { left, right, merged };
    this.#grown.clear();
    this.#pairs.drainWords(pair, (word) => this.#mergeWord(word, merge));
    for (const grown of this.#grown) this.#enter(grown);
  }

  #piece(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known; // "a" + "##bc" after "ab" + "##c".
    this.#ids.set(text, this.pieces.length);
    return this.pieces.push(text) - 1;
  }

  #mergeWord(word: number, { left, right, merged }: Merge): void {
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
      if (to > start) {
        const before = symbols[to - 1] as number;
        this.#lose(word, before, left);
        this.#gain(word, before, merged);
      }
      if (from + 1 < end) {
        const after = symbols[from + 1] as number;
        this.#lose(word, right, after);
        this.#gain(word, merged, after);
      }
      symbols[to++] = merged;
    }
    this.#lengths[word] = to - start;
  }

  #lose(word: number, left: number, right: number): void {
    this.#pairs.add(this.#pairs.find(left, right), -(this.#counts[word] as number));
  }

  #gain(word: number, left: number, right: number): void {
    const pair = this.#pairs.find(left, right);
    this.#pairs.add(pair, this.#counts[word] as number);
    this.#pairs.addWord(pair, word);
    this.#grown.add(pair);
  }
}

/** The `limit` most frequent characters (the lower code point first among equals), and those of them that continue words. */
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

/** The ids of the pieces that are `prefix` and one character, by that character's code point. */
function characterIds(ids: Map<string, number>, prefix: string): Map<number, number> {
  const found = new Map<number, number>();
  for (const [piece, id] of ids) {
    const code = piece.codePointAt(prefix.length);
    if (code !== undefined && piece === prefix + String.fromCodePoint(code)) found.set(code, id);
  }
  return found;
}

function forEachCharacter(units: Uint16Array, visit: (code: number, at: number) => void): void {
  for (let i = 0, at = 0; i < units.length; i++, at++) {
    const unit = units[i] as number;
    if (unit < 0xd800 || unit > 0xdbff) visit(unit, at);
    else visit((unit - 0xd800) * 0x400 + ((units[++i] as number) - 0xdc00) + 0x10000, at);
  }
}
