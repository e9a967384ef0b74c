import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type BasicType, parquetWriteBuffer } from "hyparquet-writer";
import type { Examples, Split, TaskData, TextExample } from "../../src/kinds/task.js";
import { folderWith } from "../data/folders.js";

export const HUB = join(import.meta.dirname, "../goldens/hub");

/** Tab-separated rows. */
export const tsv = (...rows: readonly (readonly string[])[]): string =>
  rows.map((row) => `${row.join("\t")}\n`).join("");

/** A Parquet file of these columns. */
export function parquet(columns: Record<string, { type: BasicType; data: unknown[] }>): Uint8Array {
  const columnData = Object.entries(columns).map(([name, { type, data }]) => ({ name, type, data }));
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

/** A file in a folder of the running test's own. */
export function fileWith(name: string, content: string | Uint8Array): string {
  return join(folderWith({ [name]: content }), name);
}

/** One more file in a folder. */
export function addFile(folder: string, name: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), content);
}

/** The examples of a task with texts; the first bad row throws. */
export async function textsOf(data: TaskData, split: Split, skipBadRows = false): Promise<Examples<TextExample>> {
  if (data.task.kind === "question-answering") throw new Error("a task with questions");
  return (await data.read(split, { skipBadRows })) as Examples<TextExample>;
}

/** The error of something that must fail. */
export async function failureOf(run: () => unknown): Promise<Error> {
  try {
    await run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing failed");
}
