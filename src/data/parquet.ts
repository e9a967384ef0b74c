import { type FileHandle, open } from "node:fs/promises";
import {
  type AsyncBuffer,
  type ColumnMetaData,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { FormatError } from "../errors.js";
import type { OnBytes } from "./byte-streams.js";
import { documentsOf } from "./documents.js";

const COLUMN = "text";
/** Text unpacked at once. */
const SLICE_BYTES = 32 * 2 ** 20;
/** A row group's text column is read whole, still packed. */
const LARGEST_PACKED_BYTES = 384 * 2 ** 20;

/**
 * Documents of a Parquet file: the `text` column, row group by row group, and some rows of a group at a time.
 *
 * @throws FormatError when the file is damaged, or has no column of strings called `text`
 */
export async function* parquetDocuments(path: string, onBytes: OnBytes): AsyncGenerator<string> {
  const handle = await open(path);
  try {
    const file = await bufferOf(handle);
    const metadata = await guard(path, () => parquetMetadataAsync(file));
    let rowStart = 0;
    let counted = 0;
    for (const [group, { num_rows, columns }] of metadata.row_groups.entries()) {
      const column = textColumn(
        path,
        group,
        columns.map(({ meta_data }) => meta_data),
      );
      const rowEnd = rowStart + Number(num_rows);
      for await (const rows of slices(file, metadata, column, rowStart, rowEnd, path)) {
        for (const row of rows) if (row !== null) yield* documentsOf(row);
      }
      rowStart = rowEnd;
      const done = Math.round((file.byteLength * rowEnd) / Number(metadata.num_rows)); // Other columns are skipped.
      onBytes(done - counted);
      counted = done;
    }
  } finally {
    await handle.close();
  }
}

/** Reads by position. The last piece is kept: the rows of one group are asked for in slices, of the same bytes. */
async function bufferOf(handle: FileHandle): Promise<AsyncBuffer> {
  const { size } = await handle.stat();
  let kept: { start: number; end: number; bytes: ArrayBuffer } | null = null;
  return {
    byteLength: size,
    async slice(start, end = size) {
      if (kept?.start === start && kept.end === end) return kept.bytes;
      const bytes = new ArrayBuffer(Math.max(0, Math.min(end, size) - start));
      kept = null;
      const { bytesRead } = await handle.read(new Uint8Array(bytes), 0, bytes.byteLength, start);
      if (bytesRead !== bytes.byteLength) throw new Error("the file is cut off");
      kept = { start, end, bytes };
      return bytes;
    },
  };
}

function textColumn(path: string, group: number, columns: (ColumnMetaData | undefined)[]): ColumnMetaData {
  const names = columns.flatMap((column) => column?.path_in_schema.join(".") ?? []);
  const column = columns.find((candidate) => candidate?.path_in_schema.join(".") === COLUMN);
  if (column?.type !== "BYTE_ARRAY") {
    throw new FormatError(path, `expected a column "${COLUMN}" of strings, got columns ${names.join(", ") || "none"}.`);
  }
  if (column.total_compressed_size > LARGEST_PACKED_BYTES) {
    throw new FormatError(
      path,
      `row group ${group} holds ${column.total_compressed_size} packed bytes of text, at most ${LARGEST_PACKED_BYTES} fit in memory. Write it with smaller row groups.`,
    );
  }
  return column;
}

async function* slices(
  file: AsyncBuffer,
  metadata: FileMetaData,
  column: ColumnMetaData,
  start: number,
  end: number,
  path: string,
): AsyncGenerator<(string | null)[]> {
  const count = Math.max(1, Math.ceil(Number(column.total_uncompressed_size) / SLICE_BYTES));
  const size = Math.max(1, Math.ceil((end - start) / count));
  for (let rowStart = start; rowStart < end; rowStart += size) {
    const rowEnd = Math.min(end, rowStart + size);
    const rows = await guard(path, () =>
      parquetReadObjects({ file, metadata, compressors, columns: [COLUMN], rowStart, rowEnd }),
    );
    yield rows.map((row) => textOf(row[COLUMN], path));
  }
}

function textOf(value: unknown, path: string): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value;
  throw new FormatError(path, `expected strings in the column "${COLUMN}", got ${typeof value}.`);
}

async function guard<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError(path, `not a Parquet file, or a damaged one (${reason}). Fetch it again.`, { cause });
  }
}
