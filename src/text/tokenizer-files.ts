import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { FormatError } from "../errors.js";
import { replaceText } from "../storage/atomic-files.js";
import { makeFolder } from "../storage/disk.js";
import { checkSpecialTokens, parseJson, specFromJson } from "./tokenizer-json.js";
import { bertSpec, SPECIAL_TOKENS, stripAccentsOption, type TokenizerSpec, tokenizerJson } from "./tokenizer-spec.js";

const TokenizerConfig = z.object({
  do_lower_case: z.boolean().default(true),
  strip_accents: z.boolean().nullish(),
  tokenize_chinese_chars: z.boolean().default(true),
  do_basic_tokenize: z.literal(true).default(true),
});

/** @throws FormatError when the folder holds no BERT WordPiece tokenizer. */
export async function readTokenizerFolder(folder: string): Promise<TokenizerSpec> {
  await checkFolder(folder);
  const jsonPath = join(folder, "tokenizer.json");
  const json = await readText(jsonPath);
  if (json !== null) return specFromJson(jsonPath, json);
  const vocabPath = join(folder, "vocab.txt");
  const vocab = await readText(vocabPath);
  if (vocab !== null) return specFromVocab(vocabPath, vocab, folder);
  throw new FormatError(
    folder,
    "no tokenizer here: expected tokenizer.json or vocab.txt, found neither. Give a model folder that has one.",
  );
}

/** Writes tokenizer.json, vocab.txt, tokenizer_config.json and special_tokens_map.json; `maxLength` is in tokens. */
export async function writeTokenizerFolder(folder: string, spec: TokenizerSpec, maxLength: number): Promise<void> {
  const { pad, unk, cls, sep, mask } = SPECIAL_TOKENS;
  const names = { unk_token: unk, sep_token: sep, pad_token: pad, cls_token: cls, mask_token: mask };
  const config = {
    tokenizer_class: "BertTokenizer",
    do_lower_case: spec.normalizer.lowercase,
    strip_accents: stripAccentsOption(spec.normalizer),
    tokenize_chinese_chars: spec.normalizer.chineseChars,
    model_max_length: maxLength,
    ...names,
  };
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  makeFolder(folder);
  replaceText(join(folder, "tokenizer.json"), json(tokenizerJson(spec)));
  replaceText(join(folder, "vocab.txt"), `${spec.vocab.join("\n")}\n`);
  replaceText(join(folder, "tokenizer_config.json"), json(config));
  replaceText(join(folder, "special_tokens_map.json"), json(names));
}

async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((cause: NodeJS.ErrnoException) => {
    throw new FormatError(
      folder,
      `cannot be read (${cause.code}): expected a folder with tokenizer.json or vocab.txt. Check the path.`,
      { cause },
    );
  });
  if (found.isDirectory()) return;
  throw new FormatError(folder, "is a file: expected a folder with tokenizer.json or vocab.txt. Give the folder.");
}

/** The text of a file, or null where there is no such file. */
async function readText(path: string): Promise<string | null> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return null;
    throw new FormatError(path, `cannot be read (${code}): expected a file that may be read. Check it.`, { cause });
  }
  if (bytes.length === 0) {
    throw new FormatError(path, "is empty: expected a tokenizer file, got 0 bytes. Copy or download it again.");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FormatError(path, "is not text: expected UTF-8, got other bytes. Copy or download it again.", { cause });
  }
}

async function specFromVocab(path: string, text: string, folder: string): Promise<TokenizerSpec> {
  const vocab = text.split(/\r?\n/);
  if (vocab.at(-1) === "") vocab.pop(); // The last line ends too.
  checkSpecialTokens(path, vocab);
  checkDistinct(path, vocab);
  const configPath = join(folder, "tokenizer_config.json");
  const config = parseJson(configPath, (await readText(configPath)) ?? "{}", TokenizerConfig);
  return bertSpec(vocab, {
    cleanText: true,
    chineseChars: config.tokenize_chinese_chars,
    stripAccents: config.strip_accents ?? config.do_lower_case,
    lowercase: config.do_lower_case,
  });
}

function checkDistinct(path: string, pieces: readonly string[]): void {
  const lines = new Map<string, number>();
  for (const [index, piece] of pieces.entries()) {
    const earlier = lines.get(piece);
    if (earlier !== undefined) {
      throw new FormatError(
        path,
        `lines ${earlier + 1} and ${index + 1} are both ${JSON.stringify(piece)}: expected one line a word piece. Copy or download it again.`,
      );
    }
    lines.set(piece, index);
  }
}
