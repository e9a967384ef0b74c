import { FormatError } from "../errors.js";
import { readBytes } from "./byte-streams.js";
import { type CorpusFile, findCorpusFiles, STANDARD_INPUT } from "./corpus-files.js";
import { jsonlDocuments, textDocuments } from "./documents.js";

/** The documents of a corpus, as a stream; each is a text whose paragraphs are lines. */
export interface Corpus extends AsyncIterable<string> {
  readonly files: readonly CorpusFile[];
  /** Files of folders that were passed over: of another kind, or empty. */
  readonly ignored: readonly string[];
  /** Bytes of all files, as they are on disk; null when standard input is among them. */
  readonly totalBytes: number | null;
  /** Bytes read so far. */
  readonly bytesRead: number;
}

/**
 * Reads documents from files, folders and standard input ("-"), in that order and never whole: text (a blank line ends a
 * document), JSON lines and Parquet (the `text` field), and gzip or Zstandard of the first two. Standard input is text,
 * or JSON lines when it starts with "{", and may be compressed.
 *
 * @throws FormatError when a path is missing or empty; while reading, when a file is damaged or there is no document
 */
export function readCorpus(paths: readonly string[]): Corpus {
  const { files, ignored } = findCorpusFiles(paths);
  const streamed = files.some(({ path }) => path === STANDARD_INPUT);
  const corpus = {
    files,
    ignored,
    totalBytes: streamed ? null : files.reduce((sum, { bytes }) => sum + bytes, 0),
    bytesRead: 0,
    async *[Symbol.asyncIterator]() {
      corpus.bytesRead = 0;
      let documents = 0;
      for (const file of files) {
        for await (const document of documentsOfFile(file, (count) => (corpus.bytesRead += count))) {
          documents++;
          yield document;
        }
      }
      if (documents === 0) throw new FormatError(paths.join(", "), "no documents: all of it is blank.");
    },
  };
  return corpus;
}

async function* documentsOfFile(file: CorpusFile, onBytes: (count: number) => void): AsyncGenerator<string> {
  if (file.format === "parquet") {
    const { parquetDocuments } = await import("./parquet.js"); // Forty modules that most corpora do without.
    return yield* parquetDocuments(file.path, onBytes);
  }
  const bytes = readBytes(file, onBytes);
  if (file.format === "jsonl") return yield* jsonlDocuments(file.path, bytes);
  if (file.path !== STANDARD_INPUT) return yield* textDocuments(file.path, bytes);
  const [isJson, whole] = await startsWithBrace(bytes);
  yield* isJson ? jsonlDocuments("standard input", whole) : textDocuments("standard input", whole);
}

async function startsWithBrace(bytes: AsyncGenerator<Buffer>): Promise<[boolean, AsyncGenerator<Buffer>]> {
  const first = await bytes.next();
  async function* whole(): AsyncGenerator<Buffer> {
    if (!first.done) yield first.value;
    yield* bytes;
  }
  return [!first.done && first.value.toString("latin1", 0, 64).trimStart().startsWith("{"), whole()];
}
