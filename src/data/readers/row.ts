import { FormatError } from "../../errors.js";

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

/** What is wrong with a row whose bytes are no text. */
export const NOT_UTF8 = "the row is not UTF-8 text. Save the file as UTF-8.";

/** What a file without rows is told. */
export const EMPTY_FILE = "the file is empty: expected rows. Fetch or write it again.";

/**
 * The cells of a row.
 *
 * @throws FormatError when it cannot be read
 */
export function cellsOf(row: Row): Readonly<Record<string, unknown>> {
  if (row.cells === null) throw new FormatError(row.where, row.problem);
  return row.cells;
}

/**
 * The text in a column of a row.
 *
 * @throws FormatError when it cannot be read, or has something else there
 */
export function textIn(row: Row, column: string): string {
  const text = cellsOf(row)[column];
  if (typeof text === "string") return text;
  throw new FormatError(row.where, `expected a text in column "${column}", got ${cellText(text)}.`);
}

/** A cell for a message: short, quoted, on one line. */
export function cellText(cell: unknown): string {
  if (cell === undefined) return "nothing";
  const text = (typeof cell === "number" ? String(cell) : JSON.stringify(cell)) ?? String(cell);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/**
 * Checks the names of a file's columns.
 *
 * @throws FormatError naming what is missing, and what is there
 */
export function checkColumns(path: string, names: readonly string[], { required, optional }: WantedColumns): void {
  const missing = required.filter((name) => !names.includes(name));
  if (missing.length > 0) {
    throw new FormatError(path, `expected ${columnsText(missing)}, got ${columnsText(names)}.`);
  }
  const twice = [...required, ...optional].find((name) => names.indexOf(name) !== names.lastIndexOf(name));
  if (twice !== undefined) throw new FormatError(path, `two columns are called "${twice}". Rename one.`);
}

/** 'column "a"', or 'columns "a", "b"'. */
export function columnsText(names: readonly string[]): string {
  if (names.length === 0) return "no columns";
  const shown = names.slice(0, 20).map((name) => JSON.stringify(name.slice(0, 50)));
  const more = names.length > shown.length ? `, and ${names.length - shown.length} more` : "";
  return `column${names.length > 1 ? "s" : ""} ${shown.join(", ")}${more}`;
}
