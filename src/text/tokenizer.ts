import { Tokenizer as Engine } from "tokenizers";
import { sha256Of } from "../storage/digest.js";
import { type EncodedText, pairSequence } from "./model-inputs.js";
import { readTokenizerFolder, writeTokenizerFolder } from "./tokenizer-files.js";
import { SPECIAL_TOKENS, type TokenizerSpec, tokenizerJson, tokensById } from "./tokenizer-spec.js";

/** Longer texts are encoded in parts of about this many UTF-16 units, so that memory does not grow with the text. */
const PART_LENGTH = 1 << 16;

/** The package is given texts of about this many UTF-16 units at a time. */
const BATCH_LENGTH = 1 << 20;

/**
 * Reads the tokenizer of a model folder: tokenizer.json, or else vocab.txt with the do_lower_case, strip_accents and
 * tokenize_chinese_chars of tokenizer_config.json (lower-casing where that does not say).
 *
 * @throws FormatError when neither is there, or what is there is not a BERT WordPiece tokenizer.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  return new Tokenizer(await readTokenizerFolder(folder));
}

/** A BERT WordPiece tokenizer; the text work is done by the `tokenizers` package. */
export class Tokenizer {
  readonly vocabSize: number;
  readonly ids: Readonly<Record<"cls" | "sep" | "pad" | "mask" | "unk", number>>;
  readonly specialIds: ReadonlySet<number>;
  /** SHA-256 (hex) of what decides the ids: vocabulary, added tokens, normaliser. The same from either kind of file. */
  readonly hash: string;
  readonly #spec: TokenizerSpec;
  readonly #tokens: string[];
  readonly #idOf: Map<string, number>;
  readonly #engine: Engine;
  readonly #addedHaveSpace: boolean;

  constructor(spec: TokenizerSpec) {
    this.#spec = spec;
    this.#tokens = tokensById(spec);
    this.#idOf = new Map(this.#tokens.map((token, id) => [token, id]));
    this.vocabSize = this.#tokens.length;
    this.ids = {
      cls: this.#special(SPECIAL_TOKENS.cls),
      sep: this.#special(SPECIAL_TOKENS.sep),
      pad: this.#special(SPECIAL_TOKENS.pad),
      mask: this.#special(SPECIAL_TOKENS.mask),
      unk: this.#special(SPECIAL_TOKENS.unk),
    };
    const added = spec.added.filter((token) => token.special).map((token) => token.id);
    this.specialIds = new Set([...Object.values(this.ids), ...added].sort((a, b) => a - b));
    const json = JSON.stringify(tokenizerJson(spec));
    this.hash = sha256Of([json]);
    this.#engine = Engine.fromString(json);
    this.#addedHaveSpace = spec.added.some((token) => /\s/.test(token.content));
  }

  /**
   * The ids of each text, neither truncated nor padded. Unpaired surrogates count as U+FFFD, which BERT drops.
   *
   * @param options.addSpecialTokens puts [CLS] before and [SEP] after each text
   */
  async encodeIds(texts: readonly string[], { addSpecialTokens = false } = {}): Promise<Uint32Array[]> {
    const parts: string[] = [];
    const ends = texts.map((text) => {
      for (const part of this.#parts(text)) parts.push(part);
      return parts.length;
    });
    const encoded = await this.#encodeParts(parts);
    const { cls, sep } = this.ids;
    return ends.map((end, text) => {
      const pieces = encoded.slice(ends[text - 1] ?? 0, end);
      return concatenated(addSpecialTokens ? [[cls], ...pieces, [sep]] : pieces);
    });
  }

  /**
   * The ids of each text without special tokens, and where each token stands in it. Texts are taken whole, whatever
   * their length: for passages, not for books.
   */
  async encodeWithOffsets(texts: readonly string[]): Promise<EncodedText[]> {
    const encoded: EncodedText[] = [];
    for (let start = 0, end = 0; start < texts.length; start = end) {
      for (let length = 0; end < texts.length && length < BATCH_LENGTH; end++) length += (texts[end] as string).length;
      const batch = await this.#engine.encodeBatch(texts.slice(start, end), { addSpecialTokens: false });
      for (const [i, encoding] of batch.entries()) {
        const offsets = encoding.getOffsets();
        const unit = utf16Of(texts[start + i] as string);
        encoded.push({
          ids: Uint32Array.from(encoding.getIds()),
          starts: Uint32Array.from(offsets, ([first = 0]) => unit(first)),
          ends: Uint32Array.from(offsets, ([, end = 0]) => unit(end)),
        });
      }
    }
    return encoded;
  }

  /** [CLS] first [SEP] second [SEP], with token type 0 up to the first [SEP] and 1 after it. */
  async encodePair(first: string, second: string): Promise<{ ids: Uint32Array; tokenTypeIds: Uint8Array }> {
    const [a, b] = (await this.encodeIds([first, second])) as [Uint32Array, Uint32Array];
    const { ids, secondAt } = pairSequence(a, b, this.ids);
    return { ids: Uint32Array.from(ids), tokenTypeIds: new Uint8Array(ids.length).fill(1, secondAt) };
  }

  /** Text for the ids, lower-cased where the tokenizer lower-cases; special tokens are left out unless asked for. */
  decode(ids: ArrayLike<number>, { skipSpecialTokens = true } = {}): Promise<string> {
    return this.#engine.decode(Array.from(ids), skipSpecialTokens);
  }

  idToToken(id: number): string | null {
    return this.#tokens[id] ?? null;
  }

  tokenToId(token: string): number | null {
    return this.#idOf.get(token) ?? null;
  }

  /**
   * Writes tokenizer.json, vocab.txt, tokenizer_config.json and special_tokens_map.json, which `transformers` and
   * transformers.js load as a BERT tokenizer.
   *
   * @param options.maxLength the model_max_length that is noted there, in tokens
   */
  save(folder: string, { maxLength = 512 } = {}): Promise<void> {
    return writeTokenizerFolder(folder, this.#spec, maxLength);
  }

  #special(token: string): number {
    return this.#idOf.get(token) as number; // The spec was checked to hold them.
  }

  /** In batches, since an encoding in the package takes about a hundred bytes a token. */
  async #encodeParts(parts: readonly string[]): Promise<Uint32Array[]> {
    const encoded: Uint32Array[] = [];
    for (let start = 0, end = 0; start < parts.length; start = end) {
      for (let length = 0; end < parts.length && length < BATCH_LENGTH; end++) length += (parts[end] as string).length;
      const batch = await this.#engine.encodeBatch(parts.slice(start, end), { addSpecialTokens: false });
      for (const encoding of batch) encoded.push(Uint32Array.from(encoding.getIds()));
    }
    return encoded;
  }

  /** Cuts a long text at spaces, where no word and no special token is cut. */
  #parts(text: string): string[] {
    if (text.length <= PART_LENGTH || this.#addedHaveSpace) return [text];
    const parts: string[] = [];
    let start = 0;
    while (text.length - start > PART_LENGTH) {
      const space = /[ \n\t\r]/g;
      space.lastIndex = start + PART_LENGTH;
      const end = space.exec(text)?.index ?? text.length;
      parts.push(text.slice(start, end));
      start = end;
    }
    parts.push(text.slice(start));
    return parts;
  }
}

function concatenated(parts: readonly ArrayLike<number>[]): Uint32Array {
  const [only] = parts;
  if (parts.length === 1 && only instanceof Uint32Array) return only;
  const whole = new Uint32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** From code points, which the package counts in, to UTF-16 units. */
function utf16Of(text: string): (codePoint: number) => number {
  if (!/[\ud800-\udbff][\udc00-\udfff]/.test(text)) return (codePoint) => codePoint;
  const units: number[] = [];
  let unit = 0;
  for (const character of text) {
    units.push(unit);
    unit += character.length;
  }
  units.push(unit);
  return (codePoint) => units[codePoint] ?? unit;
}
