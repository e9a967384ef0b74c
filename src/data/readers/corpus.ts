import { readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConfigError, FormatError } from "../../errors.js";
import { errorCode } from "../../storage/disk.js";
import { rowDocuments, TEXT_COLUMN, textDocuments } from "./documents.js";
import { jsonRows, parquetRows } from "./rows.js";
import {
  type Compression,
  EXTENSIONS,
  type FileFormat,
  kindByName,
  type OnBytes,
  peek,
  readBytes,
  STANDARD_INPUT,
} from "./source-files.js";

/** Formats that hold documents; of tables only those whose text has its own field. */
const FORMATS = ["text", "jsonl", "parquet"] as const;
/** A JSONL row cannot be cut, so a longer one is an error: 2^25 characters, of which none takes more bytes in UTF-8. */
const MOST_ROW_BYTES = 3 * 2 ** 25;
const SNIFFED_BYTES = 1 << 16;

/** A file of a corpus, and how to read it. */
export interface CorpusFile {
  readonly path: string;
  readonly format: (typeof FORMATS)[number];
  readonly compression: Compression;
  /** Size on disk; 0 for standard input, whose size nobody knows. */
  readonly bytes: number;
}

/** What was found under the paths of a corpus. */
export interface CorpusFiles {
  readonly files: readonly CorpusFile[];
  /** Files of folders that were passed over: of another kind, or empty. */
  readonly ignored: readonly string[];
}

/** The documents of a corpus, as a stream; each is a text whose paragraphs are lines. */
export interface Corpus extends AsyncIterable<string>, CorpusFiles {
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

/**
 * The files under `paths`, in order; folders are searched whole, their files in the order of their names.
 *
 * A file named outright is read as text when its extension says nothing; in a folder such a file is ignored.
 *
 * @throws FormatError when a path is missing or empty, or a folder holds nothing to read
 */
export function findCorpusFiles(paths: readonly string[]): CorpusFiles {
  if (paths.length === 0) throw new ConfigError('no corpus given: expected files, folders, or "-" for standard input.');
  if (paths.filter((path) => path === STANDARD_INPUT).length > 1) {
    throw new ConfigError('standard input ("-") can be read once only, but is given twice.');
  }
  const files: CorpusFile[] = [];
  const ignored: string[] = [];
  for (const path of paths) {
    if (path === STANDARD_INPUT) files.push({ path, format: "text", compression: "none", bytes: 0 });
    else if (statOf(path).isDirectory()) addFolder(path, files, ignored);
    else files.push(namedFile(path));
  }
  return { files, ignored };
}

function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (cause) {
    const code = errorCode(cause);
    const what = code === "ENOENT" ? "no such file or folder" : `cannot be opened (${code})`;
    throw new FormatError(path, `${what}. Expected a text, JSONL or Parquet file, or a folder of them.`, { cause });
  }
}

function namedFile(path: string): CorpusFile {
  const kind = corpusKind(path) ?? { format: "text", compression: "none" };
  const stats = statOf(path);
  if (stats.isFile() && stats.size === 0) throw new FormatError(path, "the file is empty. Expected documents.");
  return { path, ...kind, bytes: stats.size };
}

/** What a file holds by its name, or null when that says nothing of documents. */
function corpusKind(path: string): Pick<CorpusFile, "format" | "compression"> | null {
  const kind = kindByName(path);
  if (kind === null) return null;
  const { format, compression } = kind;
  if (isCorpusFormat(format)) return { format, compression };
  return compression === "none" ? null : { format: "text", compression };
}

function isCorpusFormat(format: FileFormat): format is CorpusFile["format"] {
  return FORMATS.some((known) => known === format);
}

function addFolder(folder: string, files: CorpusFile[], ignored: string[]): void {
  const before = files.length;
  walk(folder, new Set(), (path, stats) => {
    const kind = corpusKind(path);
    if (kind === null || stats.size === 0) ignored.push(path);
    else files.push({ path, ...kind, bytes: stats.size });
  });
  if (files.length === before) {
    const names = EXTENSIONS.flatMap(([extension, format]) => (isCorpusFormat(format) ? [`.${extension}`] : []));
    throw new FormatError(
      folder,
      `the folder holds nothing to read. Expected ${names.join(", ")}, or .gz or .zst of text.`,
    );
  }
}

function walk(folder: string, seen: Set<string>, onFile: (path: string, stats: Stats) => void): void {
  const real = realpathSync(resolve(folder));
  if (seen.has(real)) return; // A link back up.
  seen.add(real);
  for (const name of readdirSync(folder).sort()) {
    if (name.startsWith(".")) continue;
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory()) walk(path, seen, onFile);
    else if (stats?.isFile()) onFile(path, stats);
  }
}

async function* documentsOfFile(file: CorpusFile, onBytes: OnBytes): AsyncGenerator<string> {
  const { path, format, compression } = file;
  const wanted = { required: [TEXT_COLUMN], optional: [] };
  if (format === "parquet") return yield* rowDocuments(parquetRows(path, wanted, onBytes), { mayBeNull: true });
  const isStreamed = path === STANDARD_INPUT;
  const name = isStreamed ? "standard input" : path;
  const [head, bytes] = await peek(checkedText(name, readBytes(path, { compression, onBytes })));
  const isJson = format === "jsonl" || (isStreamed && head.toString("latin1", 0, 64).trimStart().startsWith("{"));
  if (!isJson) return yield* textDocuments(bytes);
  const rows = jsonRows(name, bytes, wanted, { mostBytes: MOST_ROW_BYTES, utf8: "repaired" });
  yield* rowDocuments(rows, { mayBeNull: false });
}

/**
 * The bytes as they come, as long as they are those of a text. A damaged character or two is let pass, as a tokenizer
 * drops them; more of them means another encoding.
 */
async function* checkedText(name: string, bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let seen = 0;
  for await (const piece of bytes) {
    if (piece.includes(0)) throw notText(name, "it holds NUL bytes");
    if (seen < SNIFFED_BYTES) {
      const text = piece.toString("utf8");
      const damaged = text.split("\ufffd").length - 1;
      if (damaged > 8 && damaged > text.length / 1000)
        throw notText(name, `${damaged} of its first characters are not UTF-8`);
    }
    seen += piece.length;
    yield piece;
  }
}

function notText(path: string, reason: string): FormatError {
  return new FormatError(
    path,
    `not a text file: ${reason}. Expected UTF-8 text, or JSONL, Parquet, .gz or .zst by those names.`,
  );
}
