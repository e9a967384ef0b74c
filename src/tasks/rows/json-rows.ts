import { FormatError } from "../../errors.js";
import { isJsonObject, kindOf, oneLine } from "../../storage/json-file.js";
import type { Row, RowFile, WantedColumns } from "./row.js";
import { readTextLines } from "./text-lines.js";
import { columnsText, EMPTY_FILE } from "./wanted-columns.js";

/** Rows of JSON lines, an object each. Every row names its own columns, so a missing one is that row's. */
export async function* readJsonRows({ path }: RowFile, { required }: WantedColumns): AsyncGenerator<Row> {
  let isEmpty = true;
  for await (const { number, text } of readTextLines(path)) {
    if (text?.trim() === "") continue;
    isEmpty = false;
    yield jsonRow(`${path}:${number}`, text, required);
  }
  if (isEmpty) throw new FormatError(path, EMPTY_FILE);
}

function jsonRow(where: string, text: string | null, required: readonly string[]): Row {
  const broken = (problem: string): Row => ({ where, cells: null, problem });
  if (text === null) return broken("the row is not UTF-8 text. Save the file as UTF-8.");
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
