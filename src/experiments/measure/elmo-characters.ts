/** Ids beside the 256 bytes; all ids are written one higher, since 0 is the row of nothing. */
const SENTENCE_START = 256;
const SENTENCE_END = 257;
const WORD_START = 258;
const WORD_END = 259;
const PADDING = 260;
const SHIFT = 1;

/** Runs of letters and digits, with an apostrophe's ending, and every other sign by itself. */
const WORD = /[\p{L}\p{M}\p{N}]+(?:['’]\p{L}+)?|[^\s\p{L}\p{M}\p{N}]/gu;

/** A text's words and signs, letters as they are written: ELMo does not lower-case. */
export function elmoWords(text: string): string[] {
  return text.match(WORD) ?? [];
}

/**
 * A sentence as ELMo reads it: for the start, each word and the end, the word's UTF-8 bytes between two marks.
 *
 * @param maxCharacters of a row, marks included; a longer word is cut, a shorter one padded
 * @returns (words + 2) rows of `maxCharacters`
 * Source: Peters et al. 2018; ids of AllenNLP, ELMoCharacterMapper.
 */
export function elmoCharacterIds(words: readonly string[], maxCharacters: number): Int32Array {
  const rows = [[SENTENCE_START], ...words.map((word) => new TextEncoder().encode(word)), [SENTENCE_END]];
  const ids = new Int32Array(rows.length * maxCharacters).fill(PADDING + SHIFT);
  for (const [row, characters] of rows.entries()) {
    const kept = characters.slice(0, maxCharacters - 2);
    const start = row * maxCharacters;
    ids[start] = WORD_START + SHIFT;
    for (const [i, character] of kept.entries()) ids[start + 1 + i] = character + SHIFT;
    ids[start + 1 + kept.length] = WORD_END + SHIFT;
  }
  return ids;
}
