// Text for bench/prepare.mjs: the start of a file of the user's, or text that is made up, with words as uneven in frequency as
// those of a language. Both are written to build/bench and used again.
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const FOLDER = join(ROOT, "build/bench");

const MEGABYTE = 1e6;
const PIECE_BYTES = 1 << 20;

/**
 * The first megabytes of a file, whole lines, or of the made-up text.
 *
 * @param text a file, or undefined for made-up text
 * @throws Error when the file is shorter
 */
export function textOf(text, megabytes) {
  const path = join(FOLDER, `${text === undefined ? "made-up" : basename(text, extname(text))}-${megabytes}MB.txt`);
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const bytes = megabytes * MEGABYTE;
  if (text !== undefined && statSync(text).size < bytes)
    throw new Error(
      `${text}: expected at least ${megabytes} MB, got ${statSync(text).size / MEGABYTE}: lower --megabytes.`,
    );
  const out = openSync(`${path}.new`, "w");
  for (const piece of text === undefined ? madeUp(bytes) : startOf(text, bytes)) writeSync(out, piece);
  closeSync(out);
  renameSync(`${path}.new`, path);
  return path;
}

function* startOf(path, bytes) {
  const from = openSync(path, "r");
  const buffer = Buffer.alloc(PIECE_BYTES);
  for (let left = bytes; left > 0; ) {
    const piece = buffer.subarray(0, readSync(from, buffer, 0, Math.min(left, PIECE_BYTES)));
    left -= piece.length;
    yield left > 0 ? piece : piece.subarray(0, piece.lastIndexOf("\n") + 1);
  }
  closeSync(from);
}

const SEED = 20_251_126;
const TAIL = 100_000; // Words that are not in the embedded teacher's vocabulary.
// Of English: the frequency of rank r falls as 1 / (r + 2.7), and from about rank 8,000 on with the square.
const FIRST_SHIFT = 2.7;
const STEEPER_FROM = 8000;
const NEW_WORD_SHARE = 0.01; // A language never stops having new words: names, numbers, slips.

/** Documents of a few paragraphs of a few sentences, a blank line between them. */
function* madeUp(bytes) {
  const random = generator(SEED);
  const words = vocabulary(random);
  const between = (low, high) => low + Math.floor(random() * (high - low + 1));
  const cumulative = new Float64Array(words.length);
  words.forEach((_, rank) => {
    const weight = Math.min(1, STEEPER_FROM / (rank + 1)) / (rank + FIRST_SHIFT);
    cumulative[rank] = (cumulative[rank - 1] ?? 0) + weight;
  });
  const word = () =>
    random() < NEW_WORD_SHARE ? newWord(random) : words[placeOf(cumulative, random() * cumulative.at(-1))];
  const many = (low, high, make) => Array.from({ length: between(low, high) }, make);
  const clause = () => many(4, 12, word).join(" ");
  const sentence = () => `${capital(many(1, 3, clause).join(", "))}${random() < 0.95 ? "." : "?"}`;
  const paragraph = () => many(2, 6, sentence).join(" ");
  for (let written = 0; written < bytes; ) {
    const document = Buffer.from(`${many(1, 6, paragraph).join("\n")}\n\n`);
    written += document.length;
    yield document;
  }
}

/** The whole words of the embedded teacher's vocabulary, which are the frequent ones of English, then a tail of made-up ones. */
function vocabulary(random) {
  const pieces = readFileSync(join(ROOT, "assets/teacher/vocab.txt"), "utf8").split("\n");
  const known = pieces.filter((piece) => /^([a-z]{2,}|a|i)$/.test(piece));
  return [...known, ...Array.from({ length: TAIL }, () => madeUpWord(random))];
}

function newWord(random) {
  return random() < 0.3 ? String(Math.floor(random() * 3000)) : capital(madeUpWord(random));
}

function madeUpWord(random) {
  const [onsets, vowels, codas] = [
    "b c d f g h l m n p r s t v w st tr pl ch ",
    "a e i o u ea ou",
    " n   r  s  t   l m  nd   ck  ng",
  ].map((letters) => [...letters.split(" "), ""]);
  const any = (letters) => letters[Math.floor(random() * letters.length)];
  const syllables = 2 + Math.floor(random() * 3);
  return Array.from({ length: syllables }, () => any(onsets) + any(vowels) + any(codas)).join("");
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The first place whose cumulative weight is above. */
function placeOf(cumulative, weight) {
  let [low, high] = [0, cumulative.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle] > weight) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Numbers in [0, 1), the same for the same seed: mulberry32. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
