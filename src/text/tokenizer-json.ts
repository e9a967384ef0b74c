import * as z from "zod"; // A namespace: bundlers leave out what is not used.
import { FormatError } from "../errors.js";
import { SPECIAL_TOKENS, type TokenizerSpec, withSpecialTokens } from "./tokenizer-spec.js";

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
    vocab: z.custom<Record<string, number>>(isVocabulary, "Invalid input: expected ids by word piece"),
  }),
});

/** A loop by hand: tens of thousands of entries take zod longer than a model takes to load. */
function isVocabulary(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((id) => Number.isSafeInteger(id) && id >= 0);
}

/**
 * Reads the text of a tokenizer.json.
 *
 * @param path named in errors
 * @throws FormatError when it is not a BERT WordPiece tokenizer, or contradicts itself
 */
export function specFromJson(path: string, text: string): TokenizerSpec {
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

/**
 * Parses JSON that a schema describes.
 *
 * @throws FormatError when it is not JSON, or not what the schema says
 */
export function parseJson<T>(path: string, text: string, schema: z.ZodType<T>): T {
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

/** @throws FormatError when a special token is not among them */
export function checkSpecialTokens(path: string, tokens: readonly string[]): void {
  const missing = Object.values(SPECIAL_TOKENS).filter((token) => !tokens.includes(token));
  if (missing.length === 0) return;
  throw new FormatError(
    path,
    `not a whole BERT vocabulary: expected ${Object.values(SPECIAL_TOKENS).join(" ")} among the pieces, but of ${tokens.length} none is ${missing.join(" or ")}. Copy or download it again, or train one with "limbeck tokenizer".`,
  );
}
