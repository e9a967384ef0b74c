import type { CharacterEffects } from "./characters.js";
import { SPECIAL_TOKENS, type TokenizerSpec } from "./tokenizer-spec.js";

/** Receives tokens and where they stand. */
interface TokenSink {
  readonly ids: number[];
  readonly starts: number[];
  readonly ends: number[];
}

const CONTINUING = "##";

/** Splits text into words, and words into the longest pieces of a vocabulary, from the left. */
export class WordPieces {
  readonly #effects: CharacterEffects;
  readonly #first = new Map<string, number>();
  /** Without their "##". */
  readonly #continuing = new Map<string, number>();
  readonly #longest: number;
  readonly #unk: number;
  readonly #maxCharacters: number;
  // The word at hand, and where each of its UTF-16 units comes from: [start, end) of a character of the text.
  #word = "";
  #characters = 0;
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  constructor({ vocab, maxWordCharacters }: TokenizerSpec, effects: CharacterEffects) {
    this.#effects = effects;
    for (const [id, piece] of vocab.entries()) {
      if (piece.startsWith(CONTINUING)) this.#continuing.set(piece.slice(CONTINUING.length), id);
      else this.#first.set(piece, id);
    }
    this.#longest = vocab.reduce((most, { length }) => Math.max(most, length), 0);
    this.#unk = vocab.indexOf(SPECIAL_TOKENS.unk);
    this.#maxCharacters = maxWordCharacters;
  }

  /** Gives `sink` the tokens of [from, to) of the text, up to the word that brings it to `limit`. */
  encode(text: string, { from, to, limit }: { from: number; to: number; limit: number }, sink: TokenSink): void {
    this.#clear();
    for (let i = from; i < to && sink.ids.length < limit; ) {
      const code = wellFormed(text.codePointAt(i) ?? 0);
      const end = i + (code > 0xffff ? 2 : 1);
      const effect = this.#effects.of(code);
      for (let part = 0; part < effect.length; part++) {
        if (part > 0) this.#endWord(sink);
        this.#add(effect[part] as string, i, end);
      }
      i = end;
    }
    this.#endWord(sink);
  }

  #add(characters: string, start: number, end: number): void {
    for (const character of characters) {
      this.#characters++;
      if (this.#characters > this.#maxCharacters) {
        this.#ends[0] = end; // Too long to be looked up: only where it ends is still of interest.
        continue;
      }
      this.#word += character;
      for (let unit = 0; unit < character.length; unit++) {
        this.#starts.push(start);
        this.#ends.push(end);
      }
    }
  }

  #endWord(sink: TokenSink): void {
    if (this.#characters === 0) return;
    if (this.#characters > this.#maxCharacters) {
      push(sink, this.#unk, this.#starts[0] ?? 0, this.#ends[0] ?? 0);
    } else if (!this.#match(sink)) {
      push(sink, this.#unk, this.#starts[0] ?? 0, this.#ends.at(-1) ?? 0);
    }
    this.#clear();
  }

  /** Whether the word is made of pieces; what was given of one that is not is taken back. */
  #match(sink: TokenSink): boolean {
    const word = this.#word;
    const before = sink.ids.length;
    for (let start = 0; start < word.length; ) {
      const pieces = start === 0 ? this.#first : this.#continuing;
      let end = Math.min(word.length, start + this.#longest);
      let id = pieces.get(word.slice(start, end));
      while (id === undefined && --end > start) id = pieces.get(word.slice(start, end));
      if (id === undefined) {
        for (const values of [sink.ids, sink.starts, sink.ends]) values.length = before;
        return false;
      }
      push(sink, id, this.#starts[start] ?? 0, this.#ends[end - 1] ?? 0);
      start = end;
    }
    return true;
  }

  #clear(): void {
    this.#word = "";
    this.#characters = 0;
    this.#starts.length = 0;
    this.#ends.length = 0;
  }
}

function push({ ids, starts, ends }: TokenSink, id: number, start: number, end: number): void {
  ids.push(id);
  starts.push(start);
  ends.push(end);
}

/** An unpaired surrogate is U+FFFD to whoever reads UTF-8. */
function wellFormed(code: number): number {
  return code >= 0xd800 && code <= 0xdfff ? 0xfffd : code;
}
