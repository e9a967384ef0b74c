import { Tokenizer as Engine } from "tokenizers";
import { bertSpec, type NormalizerSettings, SPECIAL_TOKENS, tokenizerJson } from "./tokenizer-spec.js";

/** Receives a document's words, UTF-16 code unit by code unit. An end() without a push() before it is no word. */
export interface WordSink {
  push(unit: number): void;
  end(): void;
}

const DROP = 0;
const SPACE = 1;
const ISOLATED = 2;
const LETTER = 3;

/**
 * Normalises text and splits it into words as BertNormalizer and BertPreTokenizer do, without a call into the package
 * for each text.
 *
 * Both act on one character at a time, so each character's effect is asked of the package once and kept. The single
 * exception is the canonical reordering of combining marks, which only shows for marks that BERT does not strip and
 * that stand side by side (a few musical and Indic signs); they keep the order of the text here.
 */
export class WordReader {
  readonly #split: (text: string) => string[];
  readonly #asciiKinds = new Uint8Array(128);
  readonly #asciiUnits = new Uint8Array(128);
  readonly #effects = new Map<number, string[]>();

  constructor(settings: NormalizerSettings) {
    this.#split = packageSplitter(settings);
    for (let code = 0; code < 128; code++) {
      const [joined = "", isolated, ...rest] = this.#effect(code);
      const kind = isolated === undefined ? (joined === "" ? DROP : LETTER) : rest.length === 0 ? SPACE : ISOLATED;
      this.#asciiKinds[code] = kind;
      this.#asciiUnits[code] = (kind === ISOLATED ? isolated : joined)?.charCodeAt(0) ?? 0;
    }
  }

  read(text: string, sink: WordSink): void {
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit < 128) {
        const kind = this.#asciiKinds[unit];
        if (kind === LETTER) sink.push(this.#asciiUnits[unit] as number);
        else if (kind === SPACE) sink.end();
        else if (kind === ISOLATED) {
          sink.end();
          sink.push(this.#asciiUnits[unit] as number);
          sink.end();
        }
        continue;
      }
      const code = text.codePointAt(i) as number;
      if (code > 0xffff) i++;
      pushEffect(this.#effect(code), sink);
    }
    sink.end();
  }

  /** What a character becomes, cut where words end: ["x"] joins its word, ["", ""] ends it, ["", "x", ""] stands alone. */
  #effect(code: number): string[] {
    const known = this.#effects.get(code);
    if (known !== undefined) return known;
    const pieces = this.#split(`a${String.fromCodePoint(code)}a`);
    const last = pieces.length - 1;
    const effect = pieces.map((piece, at) => piece.slice(at === 0 ? 1 : 0, at === last ? -1 : undefined));
    this.#effects.set(code, effect);
    return effect;
  }
}

function pushEffect(effect: string[], sink: WordSink): void {
  for (let part = 0; part < effect.length; part++) {
    if (part > 0) sink.end();
    const text = effect[part] as string;
    for (let i = 0; i < text.length; i++) sink.push(text.charCodeAt(i));
  }
}

/** The package's own normaliser and pre-tokeniser: the reference that {@link WordReader} reproduces. */
export function packageSplitter(settings: NormalizerSettings): (text: string) => string[] {
  const spec = bertSpec(Object.values(SPECIAL_TOKENS), settings);
  const engine = Engine.fromString(JSON.stringify(tokenizerJson(spec)));
  const normalizer = engine.getNormalizer();
  const preTokenizer = engine.getPreTokenizer();
  if (normalizer === null || preTokenizer === null) throw new Error("the tokenizers package lost its normalizer");
  return (text) => preTokenizer.preTokenizeString(normalizer.normalizeString(text)).map(([word]) => word);
}
