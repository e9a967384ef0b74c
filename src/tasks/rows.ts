import { extname } from "node:path";
import { ConfigError, FormatError } from "../errors.js";
import { readCsvRows, readTsvRows } from "./delimited-rows.js";
import { readJsonRows } from "./json-rows.js";
import { readParquetRows } from "./parquet-rows.js";

export type RowFormat = "tsv" | "csv" | "jsonl" | "parquet";

/** A file of rows, and how to read it. */
export interface RowFile {
  readonly path: string;
  readonly format: RowFormat;
  /** Names of the columns where the first line is a row already (CoLA, IMDb); null where the file names them itself. */
  readonly header: readonly string[] | null;
}

/** The columns somebody wants; others are passed over. */
export interface WantedColumns {
  readonly required: readonly string[];
  readonly optional: readonly string[];
}

/** A row: what it holds by column, or what is wrong with it. */
export interface Row {
  /** "dev.tsv:12" (the line, from 1) or "dev.parquet, row 12" (from 1). */
  readonly where: string;
  /** Strings from TSV and CSV; anything from JSON lines and Parquet. Null where the row cannot be read. */
  readonly cells: Readonly<Record<string, unknown>> | null;
  /** Why `cells` is null; empty otherwise. */
  readonly problem: string;
}

const READERS = { tsv: readTsvRows, csv: readCsvRows, jsonl: readJsonRows, parquet: readParquetRows };
const FORMATS: Readonly<Record<string, RowFormat>> = {
  ".tsv": "tsv",
  ".csv": "csv",
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".parquet": "parquet",
};

/**
 * The rows of a file, one at a time. Quotes are literal in TSV (as GLUE has them) and RFC 4180's in CSV; empty lines are
 * passed over; line ends, a byte order mark and a missing last line end do not matter.
 *
 * @throws FormatError when the file cannot be read, is empty, or lacks a required column
 */
export async function* readRows(file: RowFile, columns: WantedColumns): AsyncGenerator<Row> {
  yield* READERS[file.format](file, columns);
}

/**
 * A file whose name says its format and whose first line, if it is TSV or CSV, names the columns.
 *
 * @throws ConfigError when the extension says nothing
 */
export function rowFile(path: string): RowFile {
  const format = FORMATS[extname(path).toLowerCase()];
  if (format !== undefined) return { path, format, header: null };
  throw new ConfigError(`${path}: expected a file called ${Object.keys(FORMATS).join(", ")}. Convert or rename it.`);
}

/**
 * The cells of a row.
 *
 * @throws FormatError when it cannot be read
 */
export function cellsOf(row: Row): Readonly<Record<string, unknown>> {
  if (row.cells === null) throw new FormatError(row.where, row.problem);
  return row.cells;
}
