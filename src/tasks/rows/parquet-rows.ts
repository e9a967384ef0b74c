import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { FormatError } from "../../errors.js";
import { oneLine } from "../../storage/json-file.js";
import type { Row, RowFile, WantedColumns } from "./row.js";
import { checkColumns } from "./wanted-columns.js";

/** Rows of a Parquet file, row group by row group. Whole numbers come as numbers, whatever their width. */
export async function* readParquetRows({ path }: RowFile, columns: WantedColumns): AsyncGenerator<Row> {
  const file = await guard(path, () => asyncBufferFromFile(path));
  const metadata = await guard(path, () => parquetMetadataAsync(file));
  const names = parquetSchema(metadata).children.map(({ element }) => element.name);
  checkColumns(path, names, columns);
  const wanted = [...columns.required, ...columns.optional.filter((name) => names.includes(name))];
  let number = 1;
  for await (const group of rowGroups(path, file, metadata, wanted)) {
    for (const cells of group) yield { where: `${path}, row ${number++}`, cells: withoutBigInts(cells), problem: "" };
  }
  if (number === 1) throw new FormatError(path, "the file has no rows. Fetch or write it again.");
}

async function* rowGroups(
  path: string,
  file: AsyncBuffer,
  metadata: FileMetaData,
  columns: string[],
): AsyncGenerator<Record<string, unknown>[]> {
  let rowStart = 0;
  for (const { num_rows } of metadata.row_groups) {
    const rowEnd = rowStart + Number(num_rows);
    const range = { rowStart, rowEnd };
    yield await guard(path, () => parquetReadObjects({ file, metadata, compressors, columns, ...range }));
    rowStart = rowEnd;
  }
}

function withoutBigInts(cells: Record<string, unknown>): Record<string, unknown> {
  for (const [name, cell] of Object.entries(cells)) if (typeof cell === "bigint") cells[name] = Number(cell);
  return cells;
}

async function guard<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new FormatError(path, `not a Parquet file, or a damaged one (${oneLine(cause)}). Fetch it again.`, { cause });
  }
}
