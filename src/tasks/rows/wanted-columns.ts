import { FormatError } from "../../errors.js";
import type { WantedColumns } from "./row.js";

/** What a file that is not there, or has nothing in it, is told. */
export const EMPTY_FILE = "the file is empty: expected rows. Fetch or write it again.";

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
