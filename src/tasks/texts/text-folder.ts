import { type RowFile, rowFile } from "../../data/readers/rows.js";
import type { Split, TaskData, TextTask } from "../../kinds/task.js";
import {
  type SplitFiles,
  type SplitNames,
  splitFiles,
  splitMissing,
  splitsOf,
  taskFolder,
  taskMissing,
} from "../split-files.js";
import { type LabelReader, labelReader } from "./labels.js";
import { readTextExamples, type TextColumns, type TextSource } from "./text-examples.js";

/** How a published task with texts lies in a folder: in its own files, or in the Hub's Parquet. */
export interface TextLayout {
  readonly task: TextTask;
  /** Names the task's folder may have in a folder of tasks. */
  readonly folders: readonly string[];
  /** Names of the files that may hold a split, TSV all of them. Only these splits exist. */
  readonly files: Partial<Record<Split, readonly string[]>>;
  /** Whether test splits come without labels. */
  readonly hasHiddenTest: boolean;
  readonly own: {
    readonly columns: TextColumns;
    readonly label: LabelReader;
    /** Columns of the files whose first line is a row. */
    readonly header: Partial<Record<Split, readonly string[]>>;
  };
  readonly hub: { readonly columns: TextColumns };
}

/** The folder of a task, or null where it is not there. */
export function textTaskFolder(layout: TextLayout, folder: string): string | null {
  return taskFolder(folder, layout.folders, (candidate) => splitsIn(layout, candidate).length > 0);
}

/** The splits of a task that a folder holds. */
export function splitsIn({ files }: TextLayout, folder: string): Split[] {
  return splitsOf(files).filter((split) => splitFiles(folder, split, files[split] ?? []) !== null);
}

/**
 * A published task with texts, in its own folder or in a folder of tasks.
 *
 * @throws FormatError when the folder does not hold it
 */
export function openTextTask(layout: TextLayout, folder: string): Extract<TaskData, { task: TextTask }> {
  const own = textTaskFolder(layout, folder);
  if (own === null) throw taskMissing(layout.task.title, folder, layout.folders, expectedFiles(layout.files));
  return {
    task: layout.task,
    read: async (split, options) => readTextExamples(textSource(layout, own, split), options),
  };
}

function expectedFiles(files: SplitNames): string[] {
  return [...splitsOf(files).flatMap((split) => files[split]?.[0] ?? []), "train-*.parquet"];
}

function textSource(layout: TextLayout, folder: string, split: Split): TextSource {
  const { task, files, own, hub } = layout;
  const names = files[split];
  const found = names === undefined ? null : splitFiles(folder, split, names);
  if (found === null) throw splitMissing(task.title, folder, split, files);
  const mayHideLabels = layout.hasHiddenTest && split.startsWith("test");
  return found.layout === "own"
    ? { ...own, files: ownFiles(found, own.header[split] ?? null), mayHideLabels }
    : { columns: hub.columns, label: labelReader(task, "hub"), files: found.paths.map(rowFile), mayHideLabels };
}

function ownFiles({ paths }: SplitFiles, header: readonly string[] | null): RowFile[] {
  return paths.map((path) => ({ path, format: "tsv", header }));
}
