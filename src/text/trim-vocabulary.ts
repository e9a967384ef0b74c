import { type AddedToken, type TokenizerSpec, tokensById } from "./tokenizer-spec.js";

/** A tokenizer with fewer pieces. */
interface TrimmedVocabulary {
  readonly spec: TokenizerSpec;
  /** For each new id, the old one. */
  readonly oldIds: Uint32Array;
}

/**
 * Keeps the pieces that are used, all pieces of one character, and all added tokens, in their order.
 *
 * Words made of kept pieces are cut as before: a piece was taken because it was the longest, and it still is. Any other
 * word of known characters can still be spelled by pieces of one.
 *
 * @param used ids by themselves, or with how often they occur
 */
export function trimVocabulary(spec: TokenizerSpec, used: ReadonlySet<number>): TrimmedVocabulary {
  const added = new Set(spec.added.map(({ id }) => id));
  const isKept = (id: number) => used.has(id) || added.has(id) || isOneCharacter(spec.vocab[id] ?? "");
  const oldIds = Uint32Array.from(tokensById(spec).keys()).filter(isKept);
  const newIds = new Map([...oldIds].map((old, id) => [old, id]));
  const move = (token: AddedToken): AddedToken => ({ ...token, id: newIds.get(token.id) as number });
  return {
    spec: {
      ...spec,
      vocab: spec.vocab.filter((_, id) => newIds.has(id)),
      added: spec.added.map(move),
    },
    oldIds,
  };
}

function isOneCharacter(piece: string): boolean {
  return [...piece.replace(/^##(?=.)/su, "")].length === 1;
}
