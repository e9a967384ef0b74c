import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SPECIAL_TOKENS, type TokenizerSpec, tokenizerJson } from "./tokenizer-spec.js";

export async function readTokenizerFolder(_folder: string): Promise<TokenizerSpec> {
  throw new Error("soon");
}

/** Writes the four files that make a folder a BERT tokenizer for `transformers`. */
export async function writeTokenizerFolder(folder: string, spec: TokenizerSpec, maxLength: number): Promise<void> {
  const { pad, unk, cls, sep, mask } = SPECIAL_TOKENS;
  const names = { unk_token: unk, sep_token: sep, pad_token: pad, cls_token: cls, mask_token: mask };
  const config = {
    tokenizer_class: "BertTokenizer",
    do_lower_case: spec.normalizer.lowercase,
    strip_accents: spec.normalizer.stripAccents === spec.normalizer.lowercase ? null : spec.normalizer.stripAccents,
    tokenize_chinese_chars: spec.normalizer.chineseChars,
    model_max_length: maxLength,
    ...names,
  };
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "tokenizer.json"), json(tokenizerJson(spec)));
  await writeFile(join(folder, "vocab.txt"), `${spec.vocab.join("\n")}\n`);
  await writeFile(join(folder, "tokenizer_config.json"), json(config));
  await writeFile(join(folder, "special_tokens_map.json"), json(names));
}
