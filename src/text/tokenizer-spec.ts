/** Their order is BERT's, and the one in which a vocabulary learned here begins. */
export const SPECIAL_TOKENS = { pad: "[PAD]", unk: "[UNK]", cls: "[CLS]", sep: "[SEP]", mask: "[MASK]" } as const;

/** How text is cleaned before it is split into words: the options of BertNormalizer. */
export interface NormalizerSettings {
  cleanText: boolean;
  chineseChars: boolean;
  stripAccents: boolean;
  lowercase: boolean;
}

/** A token that is found in the text before anything else, as tokenizer.json describes it. */
export interface AddedToken {
  id: number;
  content: string;
  single_word: boolean;
  lstrip: boolean;
  rstrip: boolean;
  normalized: boolean;
  special: boolean;
}

/** All that decides the ids of a text. */
export interface TokenizerSpec {
  /** The word pieces by id. */
  vocab: readonly string[];
  /** Ordered by id. The five special tokens are always among them; others may lie beyond the vocabulary. */
  added: readonly AddedToken[];
  normalizer: NormalizerSettings;
  /** A longer word is [UNK]. */
  maxWordCharacters: number;
}

/** A tokenizer whose only added tokens are the special ones, which `vocab` must hold. */
export function bertSpec(vocab: readonly string[], normalizer: NormalizerSettings): TokenizerSpec {
  return { vocab, added: withSpecialTokens([], vocab), normalizer, maxWordCharacters: 100 };
}

/** `added` and those special tokens that it lacks. */
export function withSpecialTokens(added: readonly AddedToken[], vocab: readonly string[]): AddedToken[] {
  const present = new Set(added.map((token) => token.content));
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const missing = Object.values(SPECIAL_TOKENS)
    .filter((content) => !present.has(content))
    .map((content) => ({ id: vocab.indexOf(content), content, ...flags }));
  return [...added, ...missing].sort((a, b) => a.id - b.id);
}

/** Every token by id: the word pieces, and the added tokens beyond them. */
export function tokensById({ vocab, added }: TokenizerSpec): string[] {
  const tokens = [...vocab];
  for (const token of added) tokens[token.id] = token.content;
  return tokens;
}

/** The spec as tokenizer.json. Specs that mean the same give the same JSON text, which is what is hashed. */
export function tokenizerJson({ vocab, added, normalizer, maxWordCharacters }: TokenizerSpec): Record<string, unknown> {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added.map(addedTokenJson),
    normalizer: {
      type: "BertNormalizer",
      clean_text: normalizer.cleanText,
      handle_chinese_chars: normalizer.chineseChars,
      strip_accents: stripAccentsOption(normalizer),
      lowercase: normalizer.lowercase,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: pairTemplate(added),
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: SPECIAL_TOKENS.unk,
      continuing_subword_prefix: "##",
      max_input_chars_per_word: maxWordCharacters,
      vocab: Object.fromEntries(vocab.map((piece, id) => [piece, id])),
    },
  };
}

/** null where it follows lower-casing, which is BERT's default. */
export function stripAccentsOption({ stripAccents, lowercase }: NormalizerSettings): boolean | null {
  return stripAccents === lowercase ? null : stripAccents;
}

/** The order of the keys is part of the text that is hashed. */
function addedTokenJson({ id, content, single_word, lstrip, rstrip, normalized, special }: AddedToken): AddedToken {
  return { id, content, single_word, lstrip, rstrip, normalized, special };
}

/** [CLS] A [SEP], and [CLS] A [SEP] B [SEP] with B and its [SEP] of type 1. */
function pairTemplate(added: readonly AddedToken[]): Record<string, unknown> {
  const { cls, sep } = SPECIAL_TOKENS;
  const special = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } });
  const single = [special(cls, 0), { Sequence: { id: "A", type_id: 0 } }, special(sep, 0)];
  const entry = (token: string) => {
    const id = added.find(({ content }) => content === token)?.id;
    return [token, { id: token, ids: [id], tokens: [token] }];
  };
  return {
    type: "TemplateProcessing",
    single,
    pair: [...single, { Sequence: { id: "B", type_id: 1 } }, special(sep, 1)],
    special_tokens: Object.fromEntries([entry(cls), entry(sep)]),
  };
}
