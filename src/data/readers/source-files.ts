import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { Decompress } from "fzstd";
import { FormatError } from "../../errors.js";

/** The path that stands for standard input. */
export const STANDARD_INPUT = "-";

export type FileFormat = "text" | "tsv" | "csv" | "jsonl" | "parquet";
export type Compression = "none" | "gzip" | "zstd";

/** Extensions, and the formats they say. */
export const EXTENSIONS: readonly (readonly [extension: string, format: FileFormat])[] = [
  ["txt", "text"],
  ["text", "text"],
  ["md", "text"],
  ["tsv", "tsv"],
  ["csv", "csv"],
  ["jsonl", "jsonl"],
  ["ndjson", "jsonl"],
  ["parquet", "parquet"],
];
const FORMATS: ReadonlyMap<string, FileFormat> = new Map(EXTENSIONS);
const COMPRESSIONS: ReadonlyMap<string, Compression> = new Map([
  ["gz", "gzip"],
  ["zst", "zstd"],
]);

/**
 * What the name of a file says that it holds, or null when it says nothing; something packed is text when it does not.
 *
 * @throws FormatError for a Parquet file that is packed itself
 */
export function kindByName(path: string): { format: FileFormat; compression: Compression } | null {
  const [, ...extensions] = path.toLowerCase().split(".");
  const compression = COMPRESSIONS.get(extensions.at(-1) ?? "");
  const format = FORMATS.get(extensions.at(compression === undefined ? -1 : -2) ?? "");
  if (compression === undefined) return format === undefined ? null : { format, compression: "none" };
  if (format !== "parquet") return { format: format ?? "text", compression };
  throw new FormatError(path, "a compressed Parquet file. Unpack it first: its pages may be compressed, not the file.");
}

const READ_BYTES = 1 << 18;
/** Zstandard makes up to 128 KiB of 4 bytes; what goes in at once bounds what comes out at once. */
const ZSTD_INPUT_BYTES = 1 << 12;

const GZIP_MAGIC = [0x1f, 0x8b];
const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd];

/** Called with the bytes taken from the disk, before they are unpacked. */
export type OnBytes = (count: number) => void;

/**
 * The bytes of a file or of standard input, unpacked, a piece at a time; how standard input is packed, its first bytes
 * say.
 *
 * @throws FormatError when the file cannot be read, or is cut off or damaged
 */
export async function* readBytes(
  path: string,
  { compression = "none", onBytes = () => {} }: { compression?: Compression; onBytes?: OnBytes } = {},
): AsyncGenerator<Buffer> {
  const [head, packed] = await peek(counted(path, onBytes));
  const actual = path === STANDARD_INPUT ? sniff(head) : compression;
  if (actual === "gzip") yield* gunzip(path, packed);
  else if (actual === "zstd") yield* unzstd(path, head, packed);
  else yield* packed;
}

async function* counted(path: string, onBytes: OnBytes): AsyncGenerator<Buffer> {
  const stream: Readable =
    path === STANDARD_INPUT ? process.stdin : createReadStream(path, { highWaterMark: READ_BYTES });
  try {
    for await (const chunk of stream) {
      const bytes = chunk as Buffer; // No encoding was set.
      onBytes(bytes.length);
      yield bytes;
    }
  } catch (cause) {
    throw new FormatError(path, `cannot be read (${messageOf(cause)}).`, { cause });
  }
}

/** The first piece, and a stream that has it still. */
export async function peek(stream: AsyncGenerator<Buffer>): Promise<[Buffer, AsyncGenerator<Buffer>]> {
  const first = await stream.next();
  const head = first.done ? Buffer.alloc(0) : first.value;
  async function* whole(): AsyncGenerator<Buffer> {
    yield head;
    yield* stream;
  }
  return [head, whole()];
}

function sniff(head: Buffer): Compression {
  if (GZIP_MAGIC.every((byte, i) => head[i] === byte)) return "gzip";
  return ZSTD_MAGIC.every((byte, i) => head[i] === byte) ? "zstd" : "none";
}

async function* gunzip(path: string, packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const stream = createGunzip({ chunkSize: READ_BYTES });
  const feeding = feed(stream, packed);
  feeding.catch(() => {}); // Awaited below; until then it must not count as unhandled.
  try {
    for await (const chunk of stream) yield chunk as Buffer;
    await feeding;
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError(path, `the gzip file is cut off or damaged (${messageOf(cause)}). Fetch it again.`, {
      cause,
    });
  } finally {
    stream.destroy();
  }
}

/** Pushes all of `packed` through a transform stream, waiting when it is full. */
async function feed(stream: ReturnType<typeof createGunzip>, packed: AsyncIterable<Buffer>): Promise<void> {
  try {
    for await (const chunk of packed) {
      if (stream.destroyed) return;
      if (!stream.write(chunk)) await drained(stream);
    }
    stream.end();
  } catch (error) {
    stream.destroy(error as Error);
    throw error;
  }
}

function drained(stream: ReturnType<typeof createGunzip>): Promise<void> {
  return new Promise((resolve) => {
    stream.once("drain", resolve);
    stream.once("close", resolve);
  });
}

async function* unzstd(path: string, head: Buffer, packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (!ZSTD_MAGIC.every((byte, i) => head[i] === byte)) {
    throw new FormatError(path, "not a Zstandard file: its first bytes are others. Check its name.");
  }
  const unpacked: Buffer[] = [];
  const decompress = new Decompress((data) => unpacked.push(Buffer.from(data)));
  try {
    for await (const chunk of packed) {
      for (let start = 0; start < chunk.length; start += ZSTD_INPUT_BYTES) {
        decompress.push(chunk.subarray(start, start + ZSTD_INPUT_BYTES));
        yield* unpacked.splice(0);
      }
    }
    decompress.push(new Uint8Array(0), true);
    yield* unpacked.splice(0);
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError(path, `the Zstandard file is cut off or damaged (${messageOf(cause)}). Fetch it again.`, {
      cause,
    });
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
