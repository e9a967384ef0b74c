import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { bytesPerElement } from "../engine/tensor/dtype.js";
import { FormatError, ShapeError } from "../errors.js";
import { quoted, readError } from "../storage/json-file.js";
import {
  formatHeader,
  MAX_HEADER_BYTES,
  parseHeader,
  type SafetensorsHeader,
  type TensorInfo,
  type TensorRange,
  tensorBytes,
} from "./safetensors-header.js";

/** A tensor, row-major, little endian; bytes may be asked for when they are written, so that a model is not in memory twice. */
export interface TensorSource extends TensorInfo {
  readonly bytes: Uint8Array | (() => Uint8Array);
}

/** Named tensors to be written: a Map, or anything that yields the same pairs. */
export type TensorEntries = Iterable<readonly [name: string, tensor: TensorSource]>;

/** Named tensors that can be read one at a time. */
export interface TensorReader extends Disposable {
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  has(name: string): boolean;
  /** @throws FormatError when there is no such tensor */
  entry(name: string): TensorInfo;
  /** @throws FormatError when there is no such tensor, or the file ends early */
  read(name: string): Uint8Array;
  close(): void;
}

// One read call takes at most 2^31 - 1 bytes.
const READ_BYTES = 1024 * 1024 * 1024;
const WHAT = "a safetensors file";

/**
 * Opens a safetensors file; its header is checked in full, its tensors are read on demand.
 *
 * @throws FormatError when the file is missing, truncated, foreign, or its header lies
 */
export function openSafetensors(path: string): SafetensorsFile {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    throw readError(path, WHAT, error);
  }
  try {
    const { header, dataStart } = readHeader(path, fd);
    return new SafetensorsFile(path, fd, header, dataStart);
  } catch (error) {
    closeSync(fd);
    throw error instanceof FormatError ? error : readError(path, WHAT, error);
  }
}

/** An open safetensors file. */
export class SafetensorsFile implements TensorReader {
  readonly path: string;
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly #header: SafetensorsHeader;
  readonly #dataStart: number;
  #fd: number | null;

  constructor(path: string, fd: number, header: SafetensorsHeader, dataStart: number) {
    this.path = path;
    this.names = [...header.tensors.keys()];
    this.metadata = header.metadata;
    this.#fd = fd;
    this.#header = header;
    this.#dataStart = dataStart;
  }

  has(name: string): boolean {
    return this.#header.tensors.has(name);
  }

  entry(name: string): TensorInfo {
    return this.#range(name);
  }

  read(name: string): Uint8Array {
    const { begin, end } = this.#range(name);
    if (this.#fd === null)
      throw new FormatError(this.path, `tensor ${quoted(name)} was read after the file was closed.`);
    return readExactly(this.path, this.#fd, { offset: this.#dataStart + begin, byteLength: end - begin });
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #range(name: string): TensorRange {
    const range = this.#header.tensors.get(name);
    if (range === undefined)
      throw new FormatError(this.path, `expected a tensor ${quoted(name)}, got none of that name.`);
    return range;
  }
}

/** A file about to be written: its size is known before its bytes are. */
interface SerializedFile {
  readonly byteLength: number;
  readonly chunks: Iterable<Uint8Array>;
}

/**
 * Lays tensors out as a safetensors file; bytes are asked for as `chunks` is walked, one tensor at a time.
 *
 * @throws ShapeError when a tensor's bytes do not fit its dtype and shape
 */
export function serializeSafetensors(tensors: TensorEntries, metadata: Record<string, string> = {}): SerializedFile {
  const ordered = inFileOrder(tensors);
  const ranges = new Map<string, TensorRange>();
  let end = 0;
  for (const [name, { dtype, shape }] of ordered) {
    if (ranges.has(name)) throw new ShapeError(`tensor ${quoted(name)} was given twice: expected each name once.`);
    const begin = end;
    end += tensorBytes({ dtype, shape });
    ranges.set(name, { dtype, shape, begin, end });
  }
  const header = formatHeader({ tensors: ranges, metadata });
  return { byteLength: header.byteLength + end, chunks: fileChunks(header, ordered) };
}

/** Wide elements first, so that every tensor begins at a multiple of its element size; then by name. */
function inFileOrder(tensors: TensorEntries): (readonly [string, TensorSource])[] {
  return [...tensors].sort(
    ([nameA, a], [nameB, b]) => bytesPerElement(b.dtype) - bytesPerElement(a.dtype) || (nameA < nameB ? -1 : 1),
  );
}

function* fileChunks(header: Uint8Array, tensors: TensorEntries): Generator<Uint8Array> {
  yield header;
  for (const [name, tensor] of tensors) {
    const bytes = typeof tensor.bytes === "function" ? tensor.bytes() : tensor.bytes;
    const expected = tensorBytes(tensor);
    if (bytes.byteLength !== expected) {
      const what = `${tensor.dtype} [${tensor.shape.join(", ")}]: expected ${expected} bytes, got ${bytes.byteLength}`;
      throw new ShapeError(`tensor ${quoted(name)}: ${what}.`);
    }
    yield bytes;
  }
}

function readHeader(path: string, fd: number): { header: SafetensorsHeader; dataStart: number } {
  const fileBytes = fstatSync(fd).size;
  if (fileBytes < 8) {
    throw new FormatError(path, `expected ${WHAT} of at least 8 bytes, got ${fileBytes}. Fetch or write it again.`);
  }
  const length = Buffer.from(readExactly(path, fd, { offset: 0, byteLength: 8 })).readBigUInt64LE();
  if (length > BigInt(MAX_HEADER_BYTES)) {
    const what = `expected a header of at most ${MAX_HEADER_BYTES} bytes, got a length field of ${length}`;
    throw new FormatError(path, `${what}. It is not ${WHAT}, or its first bytes are damaged.`);
  }
  const headerBytes = Number(length);
  const dataStart = 8 + headerBytes;
  if (dataStart > fileBytes) {
    const what = `expected a header of ${headerBytes} bytes, got a file of ${fileBytes}`;
    throw new FormatError(path, `${what}. It is truncated or not ${WHAT}: fetch or write it again.`);
  }
  const json = readExactly(path, fd, { offset: 8, byteLength: headerBytes });
  return { header: parseHeader(path, json, fileBytes - dataStart), dataStart };
}

function readExactly(path: string, fd: number, range: { offset: number; byteLength: number }): Uint8Array {
  const bytes = new Uint8Array(range.byteLength);
  for (let done = 0; done < range.byteLength; ) {
    const wanted = Math.min(READ_BYTES, range.byteLength - done);
    const got = readSync(fd, bytes, done, wanted, range.offset + done);
    if (got === 0) {
      const at = range.offset + done;
      throw new FormatError(path, `expected ${range.byteLength - done} more bytes at ${at}, got the end of the file.`);
    }
    done += got;
  }
  return bytes;
}
