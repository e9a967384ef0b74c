import { ConfigError } from "../errors.js";
import { learnPieces } from "./piece-learner.js";
import { Tokenizer } from "./tokenizer.js";
import { bertSpec, SPECIAL_TOKENS } from "./tokenizer-spec.js";
import { WordCounts } from "./word-counts.js";
import { WordReader } from "./word-reader.js";

export interface WordPieceOptions {
  /** Pieces in all, special tokens included. A corpus too small for so many gives fewer. */
  vocabSize: number;
  /** Lower-case and strip accents, as uncased BERT does. */
  lowercase?: boolean;
  /** A pair of pieces that occurs less often is not joined. */
  minFrequency?: number;
  /** How many different characters to keep; a word with any other is [UNK]. */
  limitAlphabet?: number;
  /** Different words counted at a time; the rarest are dropped beyond this. About 200 bytes of memory each. */
  maxWords?: number;
  onProgress?: (progress: WordPieceProgress) => void;
}

/** UTF-16 units between two reports of progress. */
const PROGRESS_LENGTH = 1 << 20;

export type WordPieceProgress =
  | { stage: "count"; documents: number; characters: number; words: number }
  | { stage: "merge"; pieces: number; vocabSize: number };

/**
 * Learns a BERT WordPiece vocabulary from a stream of documents, in bounded memory.
 *
 * The words are those of BertNormalizer and BertPreTokenizer. Of them only the counts are held, for `maxWords`
 * different words at a time: beyond that the rarest are dropped, and with them a share of the evidence for rare pieces.
 * Special tokens come first, in BERT's order. The result is a function of the documents and the options.
 *
 * @throws ConfigError when an option is out of range, there is no text, or the alphabet does not fit `vocabSize`.
 * Source: the defaults are those of Hugging Face's BertWordPieceTokenizer.
 */
export async function trainWordPiece(documents: AsyncIterable<string>, options: WordPieceOptions): Promise<Tokenizer> {
  const { vocabSize, lowercase = true, minFrequency = 2, limitAlphabet = 1000, onProgress } = options;
  checkWholeNumbers({ vocabSize, minFrequency, limitAlphabet, maxWords: options.maxWords ?? 1 });
  const normalizer = { cleanText: true, chineseChars: true, stripAccents: lowercase, lowercase };
  const words = await countWords(documents, new WordReader(normalizer), options);
  if (words.size === 0) {
    throw new ConfigError("the corpus has no words: expected text to learn a vocabulary from. Give other files.");
  }
  const pieces = learnPieces(words, {
    vocabSize,
    minFrequency,
    limitAlphabet,
    specialTokens: Object.values(SPECIAL_TOKENS),
    onPieces: (count) => onProgress?.({ stage: "merge", pieces: count, vocabSize }),
  });
  return new Tokenizer(bertSpec(pieces, normalizer));
}

function checkWholeNumbers(options: Record<string, number>): void {
  for (const [name, value] of Object.entries(options)) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new ConfigError(`${name} is ${value}: expected a whole number of at least 1. Correct it.`);
  }
}

async function countWords(
  documents: AsyncIterable<string>,
  reader: WordReader,
  { maxWords, onProgress }: Pick<WordPieceOptions, "maxWords" | "onProgress">,
): Promise<WordCounts> {
  const words = new WordCounts(maxWords === undefined ? {} : { maxWords });
  let count = 0;
  let characters = 0;
  let told = 0;
  for await (const document of documents) {
    reader.read(document, words);
    characters += document.length;
    count++;
    if (characters - told < PROGRESS_LENGTH) continue; // Documents may be books or lines.
    told = characters;
    onProgress?.({ stage: "count", documents: count, characters, words: words.size });
  }
  onProgress?.({ stage: "count", documents: count, characters, words: words.size });
  return words;
}
