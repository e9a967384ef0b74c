import { join } from "node:path";
import { philox } from "../../src/data/philox.js";
import { folderWith } from "./folders.js";

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-()\"".split("");
const WORDS = ["the", "of", "river", "##ing", "walk", "stone", "and", "light", "##er", "##ness", "over", "cold"];

/** The pieces that every made-up text can be written with. */
export const PIECES = [
  "[PAD]",
  "[UNK]",
  "[CLS]",
  "[SEP]",
  "[MASK]",
  ...LETTERS,
  ...LETTERS.map((l) => `##${l}`),
  ...WORDS,
];

/** A folder with a tokenizer of a hundred pieces. */
export function tokenizerFolder(): string {
  return folderWith({ "vocab.txt": `${PIECES.join("\n")}\n` });
}

/** Documents of a few paragraphs, the same for the same numbers; some characters are outside the vocabulary. */
export function madeUpDocuments(count: number, seed = 0): string[] {
  const words = new Uint32Array(4);
  let draws = 0;
  const draw = (below: number): number => {
    philox(words, seed, 99, [draws++, 0, 0, 0]);
    return (words[0] ?? 0) % below;
  };
  const word = (): string => {
    const stem = ["the", "river", "walk", "stone", "Light", "over", "cold", "naïve", "zq9", "中文"][draw(10)] ?? "";
    return stem + (["", "s", "ing", "er", ",", ".", "ness!"][draw(7)] ?? "");
  };
  const line = (): string => Array.from({ length: 1 + draw(30) }, word).join(" ");
  return Array.from({ length: count }, () => Array.from({ length: 1 + draw(4) }, line).join("\n"));
}

/** A text file of made-up documents in a folder of its own. */
export function madeUpCorpus(count: number, seed = 0): string {
  return join(folderWith({ "corpus.txt": `${madeUpDocuments(count, seed).join("\n\n")}\n` }), "corpus.txt");
}
