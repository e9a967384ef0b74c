import { type NormalizerSettings, normalizerJson } from "./word-reader.js";

export const SPECIAL_TOKENS = { pad: "[PAD]", unk: "[UNK]", cls: "[CLS]", sep: "[SEP]", mask: "[MASK]" } as const;

/** A token that is found in the text before it is split, as tokenizer.json describes it. */
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
  /** By id; those of SPECIAL_TOKENS among them. */
  added: readonly AddedToken[];
  normalizer: NormalizerSettings;
  maxWordCharacters: number;
}

/** A spec whose added tokens are the five special ones. The vocabulary must hold them. */
export function bertSpec(vocab: readonly string[], normalizer: NormalizerSettings): TokenizerSpec {
  const added = Object.values(SPECIAL_TOKENS)
    .map((content) => specialToken(content, vocab.indexOf(content)))
    .sort((a, b) => a.id - b.id);
  return { vocab, added, normalizer, maxWordCharacters: 100 };
}

/** Every token by id: the word pieces, then the added ones beyond them. */
export function tokensById({ vocab, added }: TokenizerSpec): string[] {
  const tokens = [...vocab];
  for (const token of added) tokens[token.id] = token.content;
  return tokens;
}

/** The spec as tokenizer.json. Equal specs give equal text, so that it can be hashed. */
export function tokenizerJson({ vocab, added, normalizer, maxWordCharacters }: TokenizerSpec): Record<string, unknown> {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: normalizerJson(normalizer),
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

/** [CLS] A [SEP], and [CLS] A [SEP] B [SEP] with B and its [SEP] of type 1. */
function pairTemplate(added: readonly AddedToken[]): Record<string, unknown> {
  const special = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } });
  const { cls, sep } = SPECIAL_TOKENS;
  const first = [special(cls, 0), { Sequence: { id: "A", type_id: 0 } }, special(sep, 0)];
  const entry = (token: string) => {
    const id = added.find(({ content }) => content === token)?.id;
    return [token, { id: token, ids: [id], tokens: [token] }];
  };
  return {
    type: "TemplateProcessing",
    single: first,
    pair: [...first, { Sequence: { id: "B", type_id: 1 } }, special(sep, 1)],
    special_tokens: Object.fromEntries([entry(cls), entry(sep)]),
  };
}

export function specialToken(content: string, id: number): AddedToken {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
}
