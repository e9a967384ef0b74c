/** A text's tokens. */
export interface EncodedText {
  readonly ids: Uint32Array;
  /** Where each token begins in the text as it was given, in UTF-16 units. */
  readonly starts: Uint32Array;
  /** Where each ends, excluded. */
  readonly ends: Uint32Array;
}
