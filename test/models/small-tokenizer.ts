import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadTokenizer, type Tokenizer } from "../../src/text/tokenizer.js";

/** The special tokens, a to z, and ##a to ##z: 57 tokens, written to a new folder as vocab.txt. */
export async function smallTokenizer(folder: string): Promise<Tokenizer> {
  const letters = Array.from({ length: 26 }, (_, i) => String.fromCharCode(97 + i));
  const tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...letters, ...letters.map((letter) => `##${letter}`)];
  mkdirSync(folder);
  writeFileSync(join(folder, "vocab.txt"), `${tokens.join("\n")}\n`);
  return loadTokenizer(folder);
}
