import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { FormatError } from "../errors.js";
import {
  bertSpec,
  SPECIAL_TOKENS,
  stripAccentsOption,
  type TokenizerSpec,
  tokenizerJson,
  withSpecialTokens,
} from "./tokenizer-spec.js";

const TokenizerJson = z.object({
  added_tokens: z
    .array(
      z.object({
        id: z.int().nonnegative(),
        content: z.string().min(1),
        single_word: z.boolean().default(false),
        lstrip: z.boolean().default(false),
        rstrip: z.boolean().default(false),
        normalized: z.boolean().default(false),
        special: z.boolean().default(false),
      }),
    )
    .default([]),
  normalizer: z.object({
    type: z.literal("BertNormalizer"),
    clean_text: z.boolean(),
    handle_chinese_chars: z.boolean(),
    strip_accents: z.boolean().nullish(),
    lowercase: z.boolean(),
  }),
  pre_tokenizer: z.object({ type: z.literal("BertPreTokenizer") }),
  model: z.object({
    type: z.literal("WordPiece").default("WordPiece"), // Files of 2020 do not name it.
    unk_token: z.literal(SPECIAL_TOKENS.unk),
    continuing_subword_prefix: z.literal("##"),
    max_input_chars_per_word: z.int().positive(),
    vocab: z.record(z.string(), z.int().nonnegative()),
  }),
});

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
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "tokenizer.json"), json(tokenizerJson(spec)));
  await writeFile(join(folder, "vocab.txt"), `${spec.vocab.join("\n")}\n`);
  await writeFile(join(folder, "tokenizer_config.json"), json(config));
  await writeFile(join(folder, "special_tokens_map.json"), json(names));
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

function specFromJson(path: string, text: string): TokenizerSpec {
  const { added_tokens: added, normalizer, model } = parseJson(path, text, TokenizerJson);
  const vocab = piecesById(path, model.vocab);
  const beyond = added.filter((token) => token.id >= vocab.length).sort((a, b) => a.id - b.id);
  for (const token of added) {
    const expected = token.id < vocab.length ? vocab.indexOf(token.content) : vocab.length + beyond.indexOf(token);
    if (token.id === expected && vocab.includes(token.content) === token.id < vocab.length) continue;
    throw new FormatError(
      path,
      `the added token ${JSON.stringify(token.content)} does not fit the vocabulary: expected the piece's own id or the next after the vocabulary, got ${token.id}. Save the tokenizer again with transformers.`,
    );
  }
  checkSpecialTokens(path, vocab);
  return {
    vocab,
    added: withSpecialTokens(added, vocab),
    normalizer: {
      cleanText: normalizer.clean_text,
      chineseChars: normalizer.handle_chinese_chars,
      stripAccents: normalizer.strip_accents ?? normalizer.lowercase,
      lowercase: normalizer.lowercase,
    },
    maxWordCharacters: model.max_input_chars_per_word,
  };
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

function parseJson<T>(path: string, text: string, schema: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(path, "is not JSON, or is cut short: expected a whole file. Copy or download it again.", {
      cause,
    });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new FormatError(path, mismatch(json, parsed.error), { cause: parsed.error });
}

function mismatch(json: unknown, { issues }: z.ZodError): string {
  const where = issues[0]?.path.map(String) ?? [];
  const expected = issues[0]?.message.replace("Invalid input: ", "").replace(/, received .*/, "");
  const got = where.reduce<unknown>((value, key) => (value as Record<string, unknown> | null)?.[key], json);
  return `not a BERT WordPiece tokenizer: at ${where.join(".") || "the top"} ${expected}, got ${abbreviated(got)}. Give the folder of a BERT or DistilBERT model.`;
}

function abbreviated(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function piecesById(path: string, ids: Record<string, number>): string[] {
  const entries = Object.entries(ids);
  const pieces = new Array<string | undefined>(entries.length).fill(undefined);
  for (const [piece, id] of entries) if (id < pieces.length) pieces[id] = piece;
  const missing = pieces.indexOf(undefined);
  if (missing < 0) return pieces as string[];
  throw new FormatError(
    path,
    `the ids of model.vocab have a gap: expected 0 to ${entries.length - 1}, each once, but ${missing} is missing. Copy or download it again.`,
  );
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

function checkSpecialTokens(path: string, tokens: readonly string[]): void {
  const missing = Object.values(SPECIAL_TOKENS).filter((token) => !tokens.includes(token));
  if (missing.length === 0) return;
  throw new FormatError(
    path,
    `not a whole BERT vocabulary: expected ${Object.values(SPECIAL_TOKENS).join(" ")} among the pieces, but of ${tokens.length} none is ${missing.join(" or ")}. Copy or download it again, or train one with "limbeck tokenizer".`,
  );
}
