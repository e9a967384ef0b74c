import { cellText } from "../../data/readers/row.js";
import { FormatError } from "../../errors.js";
import type { TextKind } from "../../kinds/kinds.js";
import type { Tasks, TextTask } from "../../kinds/task.js";

/** Turns a cell into a label's index or a score. @throws FormatError when it is neither */
export type LabelReader = (cell: unknown, where: string) => number;

/** How a task's labels or scores are written: by their names in people's own files, as indices in the Hub's Parquet. */
interface LabelForms<T> {
  own(task: T): LabelReader;
  hub(task: T): LabelReader;
}

const FORMS: { readonly [K in TextKind]: LabelForms<Tasks[K]> } = {
  classification: { own: ({ labels }) => wordLabels(labels), hub: ({ labels }) => indexLabels(labels) },
  regression: { own: ({ range }) => scores(range), hub: ({ range }) => scores(range) },
};

export function labelReader(task: TextTask, form: keyof LabelForms<TextTask>): LabelReader {
  const forms = FORMS[task.kind] as LabelForms<TextTask>; // It is of its kind.
  return forms[form](task);
}

/** Labels that a file writes as words, or as anything that looks the same: 1 is "1". */
export function wordLabels(words: readonly string[]): LabelReader {
  const indices = new Map(words.map((word, index) => [word, index]));
  return (cell, where) => {
    const index = indices.get(String(cell));
    if (index !== undefined) return index;
    throw new FormatError(where, `unknown label ${cellText(cell)}: expected ${choices(words)}.`);
  };
}

/** Labels that a file writes as their indices, as the Hub's do. */
function indexLabels(labels: readonly string[]): LabelReader {
  return (cell, where) => {
    if (typeof cell === "number" && Number.isInteger(cell) && cell >= 0 && cell < labels.length) return cell;
    throw new FormatError(where, `unknown label ${cellText(cell)}: expected 0 to ${labels.length - 1}.`);
  };
}

/** Scores, within a range where there is one. */
export function scores(range: readonly [number, number] | null): LabelReader {
  const expected = range === null ? "a finite number" : `a number from ${range[0]} to ${range[1]}`;
  return (cell, where) => {
    const score = numberIn(cell);
    if (Number.isFinite(score) && (range === null || (score >= range[0] && score <= range[1]))) return score;
    throw new FormatError(where, `expected ${expected} as the score, got ${cellText(cell)}.`);
  };
}

/** The number in a cell; NaN where there is none. */
export function numberIn(cell: unknown): number {
  if (typeof cell === "number") return cell;
  return typeof cell === "string" && cell.trim() !== "" ? Number(cell) : Number.NaN;
}

function choices(words: readonly string[]): string {
  const shown = words.slice(0, 10).map((word) => JSON.stringify(word));
  return words.length > shown.length
    ? `${shown.join(", ")} or ${words.length - shown.length} others`
    : shown.join(", ");
}
