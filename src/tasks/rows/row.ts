import { FormatError } from "../../errors.js";

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

/**
 * The cells of a row.
 *
 * @throws FormatError when it cannot be read
 */
export function cellsOf(row: Row): Readonly<Record<string, unknown>> {
  if (row.cells === null) throw new FormatError(row.where, row.problem);
  return row.cells;
}
