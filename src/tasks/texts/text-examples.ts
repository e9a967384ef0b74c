import { cellsOf, type Row, textIn } from "../../data/readers/row.js";
import { type RowFile, readRows } from "../../data/readers/rows.js";
import { FormatError } from "../../errors.js";
import type { Examples, ReadOptions, TextExample } from "../../kinds/task.js";
import { sequenceOf } from "../../text/model-inputs.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import { collect, Ids } from "../collect.js";
import type { Feature } from "../task-batches.js";
import type { LabelReader } from "./labels.js";

/** The columns of a task with texts, by name. */
export interface TextColumns {
  readonly first: string;
  readonly second: string | null;
  readonly label: string;
  /** Where it is not there, rows are numbered. */
  readonly id: string | null;
}

/** Where the examples of a split come from. */
export interface TextSource {
  readonly files: readonly RowFile[];
  readonly columns: TextColumns;
  readonly label: LabelReader;
  /**
   * Whether labels may be hidden (no column, nothing in it, or −1). Then a text may be empty too: a submission needs
   * every row.
   */
  readonly mayHideLabels: boolean;
}

/**
 * Reads a split.
 *
 * @throws FormatError for a file that cannot be read, and for the first bad row unless they are skipped
 */
export function readTextExamples(source: TextSource, options: ReadOptions): Promise<Examples<TextExample>> {
  const ids = new Ids();
  const paths = source.files.map(({ path }) => path).join(", ");
  return collect(paths, rowsOf(source), (row, number) => textExample(row, number, source, ids), options);
}

async function* rowsOf({ files, columns, mayHideLabels }: TextSource): AsyncGenerator<Row> {
  const texts = columns.second === null ? [columns.first] : [columns.first, columns.second];
  const id = columns.id === null ? [] : [columns.id];
  const wanted = mayHideLabels
    ? { required: texts, optional: [columns.label, ...id] }
    : { required: [...texts, columns.label], optional: id };
  for (const file of files) yield* readRows(file, wanted);
}

function textExample(row: Row, number: number, source: TextSource, ids: Ids): TextExample {
  const cells = cellsOf(row);
  const { first, second, label, id } = source.columns;
  const isHidden = source.mayHideLabels && isHiddenLabel(cells[label]);
  const example = {
    id: idOf(id === null ? null : cells[id], number),
    first: textOf(row, first, isHidden),
    second: second === null ? null : textOf(row, second, isHidden),
    label: isHidden ? null : source.label(cells[label], row.where),
  };
  ids.add(example.id, row.where); // Last: a row that was skipped leaves its id to another.
  return example;
}

function idOf(cell: unknown, number: number): string {
  return cell === null || cell === undefined || cell === "" ? String(number) : String(cell);
}

function isHiddenLabel(cell: unknown): boolean {
  return cell === undefined || cell === null || cell === "" || cell === -1;
}

function textOf(row: Row, column: string, mayBeEmpty: boolean): string {
  const text = textIn(row, column);
  if (text.trim() !== "" || mayBeEmpty) return text;
  throw new FormatError(row.where, `the text in column "${column}" is empty.`);
}

/**
 * [CLS] first [SEP], or [CLS] first [SEP] second [SEP], cut to `sequenceLength` tokens; of a pair the longer text is cut
 * first.
 */
export async function textFeatures(
  examples: readonly TextExample[],
  tokenizer: Tokenizer,
  { sequenceLength }: { sequenceLength: number },
): Promise<Feature[]> {
  const firsts = await tokenizer.encodeIds(examples.map(({ first }) => first));
  const seconds = await tokenizer.encodeIds(examples.map(({ second }) => second ?? ""));
  return examples.map(({ second, label }, i) => {
    const texts = { first: firsts[i] as Uint32Array, second: second === null ? null : (seconds[i] as Uint32Array) };
    return { ...sequenceOf(texts, tokenizer.ids, sequenceLength), targets: label === null ? [] : [label] };
  });
}
