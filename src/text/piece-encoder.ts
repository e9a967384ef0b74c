import { FormatError } from "../errors.js";
import { CharacterEffects } from "./characters.js";
import type { EncodedText } from "./model-inputs.js";
import { type AddedToken, SPECIAL_TOKENS, type TokenizerSpec, tokensById } from "./tokenizer-spec.js";
import { WordPieces } from "./word-pieces.js";

/** Stretches of text remembered before all are forgotten, and the longest that is: some megabytes. */
const MOST_STRETCHES = 1 << 15;
const LONGEST_STRETCH = 64;

/** By ASCII code: 0 within a stretch, `BETWEEN` where one ends, `ALONE` where the character is one itself. */
const BETWEEN = 1;
const ALONE = 2;
const CUT = cutTable();

/** The tokens of a stretch of text, counted from its start. */
interface Stretch {
  readonly ids: number[];
  readonly starts: number[];
  readonly ends: number[];
}

/**
 * A BERT WordPiece tokenizer in plain JavaScript: the ids and offsets of the `tokenizers` package, for places where that
 * cannot go.
 *
 * Text is cut at ASCII blanks and punctuation, which end a word whatever stands beside them, and what becomes of the
 * stretch between is remembered. The single difference to the package is the canonical reordering of combining marks
 * that BERT does not strip (a few musical and Indic signs side by side), which keep the order of the text here.
 */
export class PieceEncoder {
  readonly vocabSize: number;
  readonly ids: Readonly<Record<"cls" | "sep" | "pad" | "mask" | "unk", number>>;
  readonly #tokens: readonly string[];
  readonly #pieces: WordPieces;
  readonly #added: AddedTokens;
  readonly #known = new Map<string, Stretch>();

  /**
   * @param path named in errors
   * @throws FormatError for added tokens that are looked for in normalised text
   */
  constructor(spec: TokenizerSpec, path: string) {
    this.#tokens = tokensById(spec);
    this.vocabSize = this.#tokens.length;
    const id = (token: string) => this.#tokens.indexOf(token);
    const { cls, sep, pad, mask, unk } = SPECIAL_TOKENS;
    this.ids = { cls: id(cls), sep: id(sep), pad: id(pad), mask: id(mask), unk: id(unk) };
    this.#pieces = new WordPieces(spec, new CharacterEffects(spec.normalizer));
    this.#added = new AddedTokens(spec.added, path);
  }

  /**
   * The ids of a text without special tokens, and where each token stands in it. Unpaired surrogates count as U+FFFD,
   * which BERT drops.
   *
   * @param limit the most tokens wanted: what lies behind them is not looked at
   */
  encode(text: string, limit = Number.POSITIVE_INFINITY): EncodedText {
    const found: Stretch = { ids: [], starts: [], ends: [] };
    let from = 0;
    for (const { id, start, end } of this.#added.in(text)) {
      this.#encodePlain(text, { from, to: start, limit }, found);
      if (found.ids.length >= limit) break;
      push(found, id, start, end);
      from = end;
    }
    this.#encodePlain(text, { from, to: text.length, limit }, found);
    const cut = (values: number[]) => Uint32Array.from(values.length > limit ? values.slice(0, limit) : values);
    return { ids: cut(found.ids), starts: cut(found.starts), ends: cut(found.ends) };
  }

  idToToken(id: number): string | null {
    return this.#tokens[id] ?? null;
  }

  #encodePlain(text: string, { from, to, limit }: { from: number; to: number; limit: number }, found: Stretch): void {
    let start = from;
    for (let i = from; i <= to && found.ids.length < limit; i++) {
      const unit = i < to ? text.charCodeAt(i) : 0x20;
      const kind = unit < 128 ? CUT[unit] : 0;
      if (kind === 0) continue;
      if (i > start) this.#encodeStretch(text, { from: start, to: i, limit }, found);
      if (kind === ALONE && i < to) this.#encodeStretch(text, { from: i, to: i + 1, limit }, found);
      start = i + 1;
    }
  }

  #encodeStretch(text: string, { from, to, limit }: { from: number; to: number; limit: number }, found: Stretch): void {
    if (to - from > LONGEST_STRETCH) {
      this.#pieces.encode(text, { from, to, limit }, found);
      return;
    }
    const { ids, starts, ends } = this.#stretch(text.slice(from, to));
    for (let i = 0; i < ids.length; i++) {
      push(found, ids[i] as number, from + (starts[i] as number), from + (ends[i] as number));
    }
  }

  #stretch(text: string): Stretch {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const stretch: Stretch = { ids: [], starts: [], ends: [] };
    this.#pieces.encode(text, { from: 0, to: text.length, limit: Number.POSITIVE_INFINITY }, stretch);
    if (this.#known.size >= MOST_STRETCHES) this.#known.clear();
    this.#known.set(ownCopy(text), stretch);
    return stretch;
  }
}

/** What a word is made of, where it goes on behind an added token or before it. */
const LETTER = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const LETTER_BEFORE = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;

/** Tokens that are found in the text as it stands, before all else. */
class AddedTokens {
  readonly #byContent: ReadonlyMap<string, AddedToken>;
  readonly #pattern: RegExp;

  constructor(added: readonly AddedToken[], path: string) {
    const normalised = added.find(({ normalized }) => normalized);
    if (normalised !== undefined) {
      throw new FormatError(
        path,
        `the added token ${JSON.stringify(normalised.content)} is looked for in normalised text, which pipelines cannot do. Set its "normalized" to false.`,
      );
    }
    this.#byContent = new Map(added.map((token) => [token.content, token]));
    const longestFirst = [...this.#byContent.keys()].sort((a, b) => b.length - a.length);
    const alternatives = longestFirst.map((content) => content.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
    this.#pattern = new RegExp(alternatives.join("|") || "(?!)", "g"); // Of no tokens, none is found.
  }

  /** In their order; of two that overlap, the first, and of two at one place the longer. */
  *in(text: string): Generator<{ id: number; start: number; end: number }> {
    let before = 0;
    for (const match of text.matchAll(this.#pattern)) {
      const token = this.#byContent.get(match[0]) as AddedToken;
      let [start, end] = [match.index, match.index + match[0].length];
      if (
        token.single_word &&
        (LETTER_BEFORE.test(text.slice(Math.max(0, start - 2), start)) || LETTER.test(text.slice(end, end + 2)))
      )
        continue;
      if (token.lstrip) start = before + text.slice(before, start).trimEnd().length;
      if (token.rstrip) end = text.length - text.slice(end).trimStart().length;
      yield { id: token.id, start, end };
      before = end;
    }
  }
}

function push({ ids, starts, ends }: Stretch, id: number, start: number, end: number): void {
  ids.push(id);
  starts.push(start);
  ends.push(end);
}

/** A long slice of a string keeps the whole of it alive: a memory of words would be one of texts. */
function ownCopy(text: string): string {
  return String.fromCharCode(...Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)));
}

function cutTable(): Uint8Array {
  const cut = new Uint8Array(128);
  for (const blank of " \t\n\r") cut[blank.charCodeAt(0)] = BETWEEN;
  for (const sign of "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") cut[sign.charCodeAt(0)] = ALONE;
  return cut;
}
