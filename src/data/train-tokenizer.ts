import { FolderDraft } from "../storage/atomic-files.js";
import { makeFolder, refuseTaken, writeError } from "../storage/disk.js";
import type { Tokenizer } from "../text/tokenizer.js";
import { trainWordPiece, type WordPieceOptions, type WordPieceProgress } from "../text/wordpiece.js";
import { type Corpus, readCorpus } from "./readers/corpus.js";

/** How far the training of a tokenizer is; while words are counted, also what of the corpus is read. */
export type TokenizerProgress = WordPieceProgress & Pick<Corpus, "bytesRead" | "totalBytes">;

export interface TrainTokenizerOptions extends Omit<WordPieceOptions, "onProgress"> {
  /** Files and folders, or "-" for standard input. */
  readonly corpus: readonly string[];
  /** A new folder, or an empty one. */
  readonly out: string;
  readonly onProgress?: (progress: TokenizerProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Learns a BERT WordPiece vocabulary from a corpus, and writes the tokenizer's folder, whole or not at all.
 *
 * @throws ConfigError as trainWordPiece does
 * @throws FormatError when the corpus cannot be read, or `out` holds something
 * @throws StorageError when the disk is full
 */
export async function trainTokenizer({
  corpus: paths,
  out,
  signal,
  ...options
}: TrainTokenizerOptions): Promise<Tokenizer> {
  refuseTaken(out, "for the tokenizer");
  makeFolder(out); // Before hours of counting.
  const corpus = readCorpus(paths);
  const tokenizer = await trainWordPiece(corpus, {
    ...options,
    onProgress(progress) {
      signal?.throwIfAborted();
      const { bytesRead, totalBytes } = corpus;
      options.onProgress?.({ ...progress, bytesRead, totalBytes });
    },
  });
  signal?.throwIfAborted();
  try {
    using draft = new FolderDraft(out);
    await tokenizer.save(draft.path);
    draft.commit();
  } catch (error) {
    throw writeError(out, error);
  }
  return tokenizer;
}
