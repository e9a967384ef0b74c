import { readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConfigError, FormatError } from "../errors.js";

/** The path that stands for standard input. */
export const STANDARD_INPUT = "-";

/** A file of a corpus, and how to read it. */
export interface CorpusFile {
  readonly path: string;
  readonly format: "text" | "jsonl" | "parquet";
  readonly compression: "none" | "gzip" | "zstd";
  /** Size on disk; 0 for standard input, whose size nobody knows. */
  readonly bytes: number;
}

/** What was found under the paths of a corpus. */
export interface CorpusFiles {
  readonly files: readonly CorpusFile[];
  /** Files of folders that were passed over: of another kind, or empty. */
  readonly ignored: readonly string[];
}

const FORMATS: Record<string, CorpusFile["format"]> = {
  txt: "text",
  text: "text",
  md: "text",
  jsonl: "jsonl",
  ndjson: "jsonl",
  parquet: "parquet",
};
const COMPRESSIONS: Record<string, CorpusFile["compression"]> = { gz: "gzip", zst: "zstd" };

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
    const code = cause instanceof Error && "code" in cause ? cause.code : "";
    const what = code === "ENOENT" ? "no such file or folder" : `cannot be opened (${String(code)})`;
    throw new FormatError(path, `${what}. Expected a text, JSONL or Parquet file, or a folder of them.`, { cause });
  }
}

function namedFile(path: string): CorpusFile {
  const file = describe(path) ?? { path, format: "text", compression: "none" };
  const stats = statOf(path);
  if (stats.isFile() && stats.size === 0) throw new FormatError(path, "the file is empty. Expected documents.");
  return { ...file, bytes: stats.size };
}

/** The kind of a file by its name, or null when the name says nothing. */
function describe(path: string): Omit<CorpusFile, "bytes"> | null {
  const parts = path.toLowerCase().split(".");
  const compression = COMPRESSIONS[parts.at(-1) ?? ""];
  if (compression === undefined) {
    const format = parts.length > 1 ? FORMATS[parts.at(-1) ?? ""] : undefined;
    return format === undefined ? null : { path, format, compression: "none" };
  }
  const format = parts.length > 2 ? (FORMATS[parts.at(-2) ?? ""] ?? "text") : "text";
  if (format === "parquet")
    throw new FormatError(
      path,
      "a compressed Parquet file. Unpack it first: its pages may be compressed, not the file.",
    );
  return { path, format, compression };
}

function addFolder(folder: string, files: CorpusFile[], ignored: string[]): void {
  const before = files.length;
  walk(folder, new Set(), (path, stats) => {
    const file = describe(path);
    if (file === null || stats.size === 0) ignored.push(path);
    else files.push({ ...file, bytes: stats.size });
  });
  if (files.length === before) {
    const extensions = Object.keys(FORMATS).map((extension) => `.${extension}`);
    throw new FormatError(
      folder,
      `the folder holds nothing to read. Expected ${extensions.join(", ")}, or .gz or .zst of text.`,
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
