import { type FileHandle, open } from "node:fs/promises";
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type RowGroup,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { FormatError } from "../../errors.js";
import { oneLine } from "../../storage/json-file.js";
import { checkColumns, type Row, type WantedColumns } from "./row.js";
import type { OnBytes } from "./source-files.js";

/** Cells unpacked at once. */
const SLICE_BYTES = 32 * 2 ** 20;
/** The wanted columns of a row group are read whole, still packed. */
const LARGEST_PACKED_BYTES = 384 * 2 ** 20;

type Cells = Record<string, unknown>;

/**
 * Rows of a Parquet file, row group by row group, and some rows of a group at a time. Whole numbers come as numbers,
 * whatever their width.
 *
 * @param onBytes told of a row group's share of the file when it is done; columns that nobody wants are skipped
 * @throws FormatError when the file is damaged, or lacks a required column
 */
export async function* readParquetRows(
  path: string,
  wanted: WantedColumns,
  onBytes: OnBytes = () => {},
): AsyncGenerator<Row> {
  const handle = await guard(path, () => open(path));
  try {
    const file = await bufferOf(handle);
    const metadata = await guard(path, () => parquetMetadataAsync(file));
    const names = parquetSchema(metadata).children.map(({ element }) => element.name);
    checkColumns(path, names, wanted);
    const columns = [...wanted.required, ...wanted.optional.filter((name) => names.includes(name))];
    let number = 1;
    let counted = 0;
    for (const [group, { num_rows }] of metadata.row_groups.entries()) {
      const end = number + Number(num_rows);
      for await (const slice of slicesOf(path, file, metadata, { group, columns, start: number - 1, end: end - 1 })) {
        for (const cells of slice) {
          yield { where: `${path}, row ${number++}`, cells: withoutBigInts(cells), problem: "" };
        }
      }
      number = end;
      file.forget();
      const done = Math.round((file.byteLength * (end - 1)) / Number(metadata.num_rows));
      onBytes(done - counted);
      counted = done;
    }
  } finally {
    await handle.close();
  }
}

/** Reads by position, and keeps what it reads: the rows of one group are asked for in slices, of the same bytes. */
async function bufferOf(handle: FileHandle): Promise<AsyncBuffer & { forget(): void }> {
  const { size } = await handle.stat();
  const kept = new Map<string, Promise<ArrayBuffer>>();
  async function read(start: number, end: number): Promise<ArrayBuffer> {
    const bytes = new ArrayBuffer(Math.max(0, Math.min(end, size) - start));
    const { bytesRead } = await handle.read(new Uint8Array(bytes), 0, bytes.byteLength, start);
    if (bytesRead !== bytes.byteLength) throw new Error("the file is cut off");
    return bytes;
  }
  return {
    byteLength: size,
    slice(start, end = size) {
      const bytes = kept.get(`${start} ${end}`) ?? read(start, end);
      kept.set(`${start} ${end}`, bytes);
      return bytes;
    },
    forget: () => kept.clear(),
  };
}

async function* slicesOf(
  path: string,
  file: AsyncBuffer,
  metadata: FileMetaData,
  { group, columns, start, end }: { group: number; columns: string[]; start: number; end: number },
): AsyncGenerator<Cells[]> {
  const { packed, unpacked } = sizesOf(metadata.row_groups[group] as RowGroup, columns);
  if (packed > LARGEST_PACKED_BYTES) {
    const problem = `row group ${group} holds ${packed} packed bytes of what is read, at most ${LARGEST_PACKED_BYTES} fit in memory.`;
    throw new FormatError(path, `${problem} Write it with smaller row groups.`);
  }
  const count = Math.max(1, Math.ceil(unpacked / SLICE_BYTES));
  const size = Math.max(1, Math.ceil((end - start) / count));
  for (let rowStart = start; rowStart < end; rowStart += size) {
    const range = { rowStart, rowEnd: Math.min(end, rowStart + size) };
    yield await guard(path, () => parquetReadObjects({ file, metadata, compressors, columns, ...range }));
  }
}

function sizesOf({ columns }: RowGroup, wanted: readonly string[]): { packed: number; unpacked: number } {
  const chunks = columns.flatMap(({ meta_data }) => meta_data ?? []);
  const read = chunks.filter(({ path_in_schema: [name = ""] }) => wanted.includes(name));
  return {
    packed: read.reduce((sum, { total_compressed_size }) => sum + Number(total_compressed_size), 0),
    unpacked: read.reduce((sum, { total_uncompressed_size }) => sum + Number(total_uncompressed_size), 0),
  };
}

function withoutBigInts(cells: Cells): Cells {
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
