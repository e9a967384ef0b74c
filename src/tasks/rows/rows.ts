import { extname } from "node:path";
import { ConfigError } from "../../errors.js";
import { readCsvRows, readTsvRows } from "./delimited-rows.js";
import { readJsonRows } from "./json-rows.js";
import type { Row, RowFile, RowFormat, WantedColumns } from "./row.js";

const READERS = { tsv: readTsvRows, csv: readCsvRows, jsonl: readJsonRows, parquet: readParquet };
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

/** Most files are none, and forty modules need not be loaded. */
async function* readParquet(file: RowFile, columns: WantedColumns): AsyncGenerator<Row> {
  const { readParquetRows } = await import("./parquet-rows.js");
  yield* readParquetRows(file, columns);
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
