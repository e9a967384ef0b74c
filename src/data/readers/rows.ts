import { ConfigError, FormatError } from "../../errors.js";
import { isJsonObject, kindOf, oneLine } from "../../storage/json-file.js";
import { delimitedRows } from "./delimited-rows.js";
import { columnsText, EMPTY_FILE, NOT_UTF8, type Row, type WantedColumns } from "./row.js";
import { EXTENSIONS, type FileFormat, kindByName, type OnBytes, readBytes } from "./source-files.js";
import { linesOf, type Utf8 } from "./text-lines.js";

type RowFormat = Exclude<FileFormat, "text">;

/** A file of rows, and how to read it. */
export interface RowFile {
  readonly path: string;
  readonly format: RowFormat;
  /** Names of the columns where the first line is a row already (CoLA, IMDb); null where the file names them itself. */
  readonly header: readonly string[] | null;
}

/**
 * The rows of a file, one at a time. Quotes are literal in TSV (as GLUE has them) and RFC 4180's in CSV; empty lines are
 * passed over; line ends, a byte order mark and a missing last line end do not matter.
 *
 * @throws FormatError when the file cannot be read, is empty, or lacks a required column
 */
export async function* readRows({ path, format, header }: RowFile, columns: WantedColumns): AsyncGenerator<Row> {
  if (format === "tsv" || format === "csv") {
    return yield* delimitedRows(path, readBytes(path), { format, header, columns });
  }
  let isEmpty = true;
  for await (const row of format === "jsonl" ? jsonRows(path, readBytes(path), columns) : parquetRows(path, columns)) {
    isEmpty = false;
    yield row;
  }
  if (isEmpty) throw new FormatError(path, EMPTY_FILE);
}

/** Rows of a Parquet file. */
export async function* parquetRows(path: string, columns: WantedColumns, onBytes?: OnBytes): AsyncGenerator<Row> {
  const { readParquetRows } = await import("./parquet-rows.js"); // Forty modules that most data do without.
  yield* readParquetRows(path, columns, onBytes);
}

/**
 * Rows of JSON lines, an object each. Every row names its own columns, so a missing one is that row's.
 *
 * @param name what messages call the file
 * @throws FormatError when a row is longer than `mostBytes`
 */
export async function* jsonRows(
  name: string,
  bytes: AsyncIterable<Buffer>,
  { required }: WantedColumns,
  options: { mostBytes?: number; utf8?: Utf8 } = {},
): AsyncGenerator<Row> {
  for await (const { number, text } of linesOf(name, bytes, options)) {
    if (text?.trim() !== "") yield jsonRow(`${name}:${number}`, text, required);
  }
}

function jsonRow(where: string, text: string | null, required: readonly string[]): Row {
  const broken = (problem: string): Row => ({ where, cells: null, problem });
  if (text === null) return broken(NOT_UTF8);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return broken(`not a JSON row (${oneLine(error)}). Expected an object on each line.`);
  }
  if (!isJsonObject(value)) return broken(`expected a JSON object on each line, got ${kindOf(value)}.`);
  const missing = required.filter((name) => !Object.hasOwn(value, name));
  if (missing.length === 0) return { where, cells: value, problem: "" };
  return broken(`expected ${columnsText(missing)}, got ${columnsText(Object.keys(value))}.`);
}

/**
 * A file whose name says its format and whose first line, if it is TSV or CSV, names the columns.
 *
 * @throws ConfigError when the name says nothing, or another format
 */
export function rowFile(path: string): RowFile {
  const { format, compression } = kindByName(path) ?? { format: "text", compression: "none" };
  if (format !== "text" && compression === "none") return { path, format, header: null };
  const names = EXTENSIONS.flatMap(([extension, format]) => (format === "text" ? [] : [`.${extension}`]));
  throw new ConfigError(`${path}: expected a file called ${names.join(", ")}. Convert or rename it.`);
}
