import { Readable } from "node:stream";
import type { Options } from "csv-parse";
import { FormatError } from "../../errors.js";
import { checkColumns, EMPTY_FILE, NOT_UTF8, type Row, type WantedColumns } from "./row.js";
import { decodeUtf8, linesOf, withoutByteOrderMark } from "./text-lines.js";

/** A line cut at its delimiters. */
interface Fields {
  readonly line: number;
  /** Null where they are not UTF-8. */
  readonly fields: readonly string[] | null;
}

/**
 * Rows of tab-separated values, where a quote is a character like any other, or of comma-separated values after RFC
 * 4180, where it is so inside a field without quotes.
 *
 * @param path what messages call the file
 * @throws FormatError when there are no lines, a required column is missing, or a quote is never closed
 */
export async function* delimitedRows(
  path: string,
  bytes: AsyncIterable<Buffer>,
  options: { format: "tsv" | "csv"; header: readonly string[] | null; columns: WantedColumns },
): AsyncGenerator<Row> {
  const { format, header, columns } = options;
  let names = header;
  if (names !== null) checkColumns(path, names, columns);
  let isEmpty = true;
  for await (const { line, fields } of format === "tsv" ? tsvFields(path, bytes) : csvFields(path, bytes)) {
    isEmpty = false;
    const where = `${path}:${line}`;
    if (names === null) {
      if (fields === null) throw new FormatError(where, NOT_UTF8);
      checkColumns(path, fields, columns);
      names = fields;
    } else yield namedRow(where, names, fields);
  }
  if (isEmpty) throw new FormatError(path, EMPTY_FILE);
}

/** A column too many is as wrong as one too few: somewhere a delimiter shifted what follows it. */
function namedRow(where: string, names: readonly string[], fields: readonly string[] | null): Row {
  if (fields === null) return { where, cells: null, problem: NOT_UTF8 };
  if (fields.length !== names.length) {
    const few = fields.length < names.length ? "few" : "many";
    return { where, cells: null, problem: `too ${few} columns: expected ${names.length}, got ${fields.length}.` };
  }
  return { where, cells: Object.fromEntries(names.map((name, i) => [name, fields[i]])), problem: "" };
}

async function* tsvFields(path: string, bytes: AsyncIterable<Buffer>): AsyncGenerator<Fields> {
  for await (const { number, text } of linesOf(path, bytes)) {
    yield { line: number, fields: text === null ? null : text.split("\t") };
  }
}

async function* csvFields(path: string, bytes: AsyncIterable<Buffer>): AsyncGenerator<Fields> {
  const { parse } = await import("csv-parse");
  let line = 1;
  const options = {
    encoding: "latin1", // Bytes, that is: UTF-8 is decoded below, where a bad row can be told from a good one.
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    raw: true,
    on_record: ({ raw, record }: { raw: string; record: string[] }): Fields => {
      const leading = lineEnds(/^[\r\n]*/.exec(raw)?.[0] ?? ""); // Of the empty lines before it.
      const fields = { line: line + leading, fields: utf8Fields(record) };
      line += lineEnds(raw);
      return fields;
    },
  };
  const parser = parse(options as unknown as Options); // The types do not know that `raw` wraps records.
  const source = Readable.from(withoutByteOrderMark(bytes)).on("error", (error) => parser.destroy(error));
  try {
    yield* source.pipe(parser) as AsyncIterable<Fields>;
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    if (!(cause instanceof Error && "code" in cause && cause.code === "CSV_QUOTE_NOT_CLOSED")) throw cause;
    throw new FormatError(`${path}:${line}`, "a quote that opens here or below is never closed. Close it.", { cause });
  }
}

/** The parser leaves out the "\n" of a "\r\n" that ends a record, and gives it to the next. */
function lineEnds(raw: string): number {
  return raw.match(/\r\n?|\n/g)?.length ?? 0;
}

function utf8Fields(record: readonly string[]): string[] | null {
  const fields = record.map((field) => decodeUtf8(Buffer.from(field, "latin1")));
  return fields.every((field) => field !== null) ? fields : null;
}
