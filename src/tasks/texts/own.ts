import { statSync } from "node:fs";
import { type RowFile, readRows, rowFile } from "../../data/readers/rows.js";
import { ConfigError, FormatError } from "../../errors.js";
import { KIND_RECORDS, type TextKind } from "../../kinds/kinds.js";
import type { Split, TaskData, Tasks, TextTask } from "../../kinds/task.js";
import { splitFiles } from "../split-files.js";
import { labelReader, numberIn } from "./labels.js";
import { readTextExamples, type TextColumns } from "./text-examples.js";

/** Somebody's own data: CSV, TSV, JSON lines or Parquet. */
export interface OwnTaskOptions {
  /** As the command line and tables say it. */
  readonly name: string;
  /** A file, or a folder with Hub-style shards of the split; null where nothing is trained. */
  readonly train: string | null;
  readonly validation: string;
  readonly test?: string | null;
  /** The column of the text, or of the two texts. */
  readonly text: readonly [string] | readonly [string, string];
  /** The column of the label or the score. */
  readonly label: string;
  /** The column of ids, each of which may be there once; without it, rows are numbered. */
  readonly id?: string | null;
  /** Null asks the training file: numbers of which some are not whole are scores, anything else is labels. */
  readonly kind?: TextKind | null;
  /** Names of the labels in the order of a model's; null takes those of the training file, sorted. */
  readonly labels?: readonly string[] | null;
}

/** More labels than this, and more than half as many as rows, are taken for something else. */
const MANY_LABELS = 50;

/**
 * A task over own data. The labels are those of the training file in natural order: "2" before "10".
 *
 * @throws ConfigError when the kind or the labels cannot be told
 * @throws FormatError when a file is missing or lacks a column
 */
export async function ownTask(options: OwnTaskOptions): Promise<TaskData> {
  const { name, text, label, id = null, test = null, train, validation } = options;
  const columns: TextColumns = { first: text[0], second: text[1] ?? null, label, id };
  checkColumnsDiffer(columns);
  const files: Partial<Record<Split, readonly RowFile[]>> = {
    ...(train === null ? {} : { train: filesOf(train, "train") }),
    validation: filesOf(validation, "validation"),
    ...(test === null ? {} : { test: filesOf(test, "test") }),
  };
  const shared = { name, title: name, evaluationSplits: ["validation"], isPair: text.length === 2 } as const;
  const task = await describe(options, shared, files.train ?? null);
  const read = labelReader(task, "own");
  return {
    task,
    read: async (split, readOptions) => {
      const found = files[split];
      const got = Object.keys(files).join(", ");
      if (found === undefined) throw new ConfigError(`${name}: no ${split} split was given, only ${got}.`);
      return readTextExamples({ files: found, columns, label: read, mayHideLabels: split === "test" }, readOptions);
    },
  };
}

type Shared = Pick<TextTask, "name" | "title" | "evaluationSplits" | "isPair">;

async function describe(
  { kind = null, labels = null, label }: OwnTaskOptions,
  shared: Shared,
  train: readonly RowFile[] | null,
): Promise<TextTask> {
  let found: Promise<FoundLabels> | null = null;
  const ask = (): Promise<FoundLabels> => {
    if (train === null) {
      throw new ConfigError(`${shared.name}: without a training file, give the labels, or the kind "regression".`);
    }
    found ??= labelsIn(train, label);
    return found;
  };
  const chosen = kind ?? (labels === null && (await ask()).areScores ? "regression" : "classification");
  return MAKERS[chosen](shared, async () => labels ?? checkedLabels(await ask(), train?.[0]?.path ?? "", label));
}

type Maker<T> = (shared: Shared, labels: () => Promise<readonly string[]>) => Promise<T>;

/** How a task of a kind is made of what somebody's own files hold. */
const MAKERS: { readonly [K in TextKind]: Maker<Tasks[K]> } = {
  classification: async (shared, found) => {
    const labels = await found();
    // F1 needs one label that counts as found; of two, that is the second.
    const metrics = labels.length === 2 ? KIND_RECORDS.classification.metrics : (["accuracy"] as const);
    return { ...shared, kind: "classification", labels, metrics, score: ["accuracy"] };
  },
  regression: async (shared) => {
    const { metrics } = KIND_RECORDS.regression;
    return { ...shared, kind: "regression", range: null, metrics, score: metrics };
  },
};

interface FoundLabels {
  /** In natural order. */
  readonly labels: readonly string[];
  readonly rows: number;
  readonly areScores: boolean;
}

/** Rows that cannot be read are passed over: they are met when the split is. */
async function labelsIn(files: readonly RowFile[], column: string): Promise<FoundLabels> {
  const labels = new Set<string>();
  let rows = 0;
  for (const file of files) {
    for await (const { cells } of readRows(file, { required: [column], optional: [] })) {
      const cell = cells?.[column];
      if (cell === undefined || cell === null || cell === "") continue;
      labels.add(String(cell));
      rows++;
    }
  }
  const numbers = [...labels].filter((label) => !/^nan$/i.test(label)).map(numberIn);
  const areScores = numbers.every(Number.isFinite) && numbers.some((number) => !Number.isInteger(number));
  return { labels: [...labels].sort(naturally), rows, areScores };
}

function checkedLabels({ labels, rows }: FoundLabels, path: string, column: string): readonly string[] {
  if (labels.length < 2) {
    throw new FormatError(path, `expected two labels or more in column "${column}", got ${labels.length}.`);
  }
  if (labels.length > Math.max(MANY_LABELS, rows / 2)) {
    throw new ConfigError(
      `${path}: column "${column}" has ${labels.length} labels in ${rows} rows. Choose another column, or the kind "regression".`,
    );
  }
  return labels;
}

const collator = new Intl.Collator("en", { numeric: true });

function naturally(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : 1);
}

function checkColumnsDiffer({ first, second, label, id }: TextColumns): void {
  const names = [first, second, label, id].filter((name) => name !== null);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new ConfigError(`the column "${twice}" was chosen twice: expected one each for texts, label and id.`);
  }
}

function filesOf(path: string, split: Split): readonly RowFile[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new FormatError(path, "no such file or folder. Check the path.");
  if (!stats.isDirectory()) return [rowFile(path)];
  const names = ["csv", "tsv", "jsonl"].map((extension) => `${split}.${extension}`);
  const found = splitFiles(path, split, names);
  if (found !== null) return found.paths.map(rowFile);
  throw new FormatError(path, `expected ${names.join(", ")} or ${split}-*.parquet in this folder, got none of them.`);
}
