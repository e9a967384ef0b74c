import { ALONE, CONTROLS, MARKS, WHOLE } from "./character-classes.gen.js";
import type { NormalizerSettings } from "./tokenizer-spec.js";

/**
 * What each character becomes under BertNormalizer and BertPreTokenizer, in plain JavaScript.
 *
 * Whether a character is punctuation or a mark is read from tables made of the `tokenizers` package's own answers; letters
 * are lower-cased and taken apart by the engine.
 */
export class CharacterEffects {
  readonly #settings: NormalizerSettings;
  readonly #effects = new Map<number, readonly string[]>();

  constructor(settings: NormalizerSettings) {
    this.#settings = settings;
  }

  /** Cut where words end: ["x"] joins its word, [""] is dropped, ["", ""] ends it, ["", "x", ""] stands alone. */
  of(code: number): readonly string[] {
    const known = this.#effects.get(code);
    if (known !== undefined) return known;
    const effect = cut(this.#normalised(code));
    this.#effects.set(code, effect);
    return effect;
  }

  #normalised(code: number): string {
    const { cleanText, chineseChars, stripAccents, lowercase } = this.#settings;
    const character = String.fromCodePoint(code);
    if (cleanText && !isBlank(code) && controls().has(code)) return "";
    const isIdeograph = chineseChars && CHINESE.some(([first, last]) => code >= first && code <= last);
    const spaced = isIdeograph ? ` ${character} ` : character;
    const stripped = stripAccents && !whole().has(code) ? withoutMarks(spaced) : spaced;
    return lowercase ? Array.from(stripped, (each) => each.toLowerCase()).join("") : stripped;
  }
}

/** Blocks of ideographs, as BERT's authors list them. */
const CHINESE: readonly (readonly [first: number, last: number])[] = [
  [0x4e00, 0x9fff],
  [0x3400, 0x4dbf],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b920, 0x2ceaf], // As the package has it; the block begins at 2B820.
  [0xf900, 0xfaff],
  [0x2f800, 0x2fa1f],
];

const controls = lazySet(CONTROLS);
const alone = lazySet(ALONE);
const marks = lazySet(MARKS);
const whole = lazySet(WHOLE);

function withoutMarks(text: string): string {
  return Array.from(text.normalize("NFD"))
    .filter((each) => !marks().has(each.codePointAt(0) ?? 0))
    .join("");
}

function cut(text: string): string[] {
  const parts = [""];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (/\p{White_Space}/u.test(character)) parts.push("");
    else if (alone().has(code)) parts.push(character, "");
    else parts[parts.length - 1] += character;
  }
  return parts;
}

/** These are controls to Unicode, and white space to BERT. */
function isBlank(code: number): boolean {
  return code === 0x09 || code === 0x0a || code === 0x0d;
}

interface CodeSet {
  has(code: number): boolean;
}

/** A set of code points from "gap length …" in base 36, read when it is first asked. */
function lazySet(ranges: string): () => CodeSet {
  let set: CodeSet | null = null;
  return () => {
    set ??= rangeSet(ranges);
    return set;
  };
}

function rangeSet(ranges: string): CodeSet {
  const numbers = ranges.split(" ").map((number) => Number.parseInt(number, 36));
  const bounds: number[] = []; // First, one after the last, first, …
  for (const number of numbers) bounds.push((bounds.at(-1) ?? 0) + number);
  return {
    has: (code) => {
      let [low, high] = [0, bounds.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((bounds[middle] ?? 0) <= code) low = middle + 1;
        else high = middle;
      }
      return low % 2 === 1;
    },
  };
}
