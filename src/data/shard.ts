import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { FormatError } from "../errors.js";
import { OutputFile } from "../storage/atomic-files.js";
import { digestFile } from "../storage/digest.js";

/*
 * A token shard: a header of 32 bytes, then document after document of little-endian ids, each followed by the separator.
 *
 *   0  uint32  magic "LMBK"        8  uint32  bytes of an id: 2 or 4     16  uint64  tokens, separators included
 *   4  uint32  version            12  uint32  separator id               24  uint64  documents
 */
const MAGIC = 0x4b424d4c;
const VERSION = 1;
const HEADER_BYTES = 32;
/** What to do after the disk was full: "prepare" keeps what it has written. */
export const GO_ON = "run the same command again: it goes on where it stopped";
const REBUILD = 'Delete the dataset and make it again with "limbeck prepare".';
const BUFFER_BYTES = 1 << 20;

/** The ids of a vocabulary, in the narrowest type that holds them. */
export type TokenArray = Uint16Array | Uint32Array;

interface ShardHeader {
  readonly bytesPerToken: 2 | 4;
  readonly separatorId: number;
  readonly tokenCount: number;
  readonly documentCount: number;
}

/** Bytes of an id: 2 up to a vocabulary of 65,536. */
export function bytesPerTokenOf(vocabSize: number): 2 | 4 {
  return vocabSize <= 65_536 ? 2 : 4;
}

/** Writes one shard; the header comes last, so a shard that was cut off is not taken for a whole one. */
export class ShardWriter {
  readonly #file: OutputFile;
  readonly #bytesPerToken: 2 | 4;
  readonly #separatorId: number;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #buffered = 0;
  #position = HEADER_BYTES;
  #tokenCount = 0;
  #documentCount = 0;

  /** @throws StorageError or ConfigError when the file cannot be written */
  constructor(path: string, bytesPerToken: 2 | 4, separatorId: number) {
    this.#bytesPerToken = bytesPerToken;
    this.#separatorId = separatorId;
    this.#file = new OutputFile(path, { flag: "w", next: GO_ON });
  }

  get path(): string {
    return this.#file.path;
  }

  get tokenCount(): number {
    return this.#tokenCount;
  }

  get documentCount(): number {
    return this.#documentCount;
  }

  /** Appends a document's ids, and the separator. */
  append(ids: TokenArray): void {
    const size = this.#bytesPerToken;
    for (let i = 0; i <= ids.length; i++) {
      if (this.#buffered + size > BUFFER_BYTES) this.#flush();
      const id = ids[i] ?? this.#separatorId;
      if (size === 2) this.#buffer.writeUInt16LE(id, this.#buffered);
      else this.#buffer.writeUInt32LE(id, this.#buffered);
      this.#buffered += size;
    }
    this.#tokenCount += ids.length + 1;
    this.#documentCount++;
  }

  /** Writes what is left and the header, and waits until the disk has it. */
  finish(): void {
    try {
      this.#flush();
      const header = encodeHeader({
        bytesPerToken: this.#bytesPerToken,
        separatorId: this.#separatorId,
        tokenCount: this.#tokenCount,
        documentCount: this.#documentCount,
      });
      this.#file.write(header, 0);
      this.#file.sync();
    } finally {
      this.#file.close();
    }
  }

  /** Gives the file up as it is. */
  abandon(): void {
    this.#file.close();
  }

  #flush(): void {
    this.#file.write(this.#buffer.subarray(0, this.#buffered), this.#position);
    this.#position += this.#buffered;
    this.#buffered = 0;
  }
}

function encodeHeader(header: ShardHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt32LE(VERSION, 4);
  bytes.writeUInt32LE(header.bytesPerToken, 8);
  bytes.writeUInt32LE(header.separatorId, 12);
  bytes.writeBigUInt64LE(BigInt(header.tokenCount), 16);
  bytes.writeBigUInt64LE(BigInt(header.documentCount), 24);
  return bytes;
}

/** Reads a shard by position, through an open descriptor: nothing of it is kept in memory. */
export class ShardReader {
  readonly path: string;
  readonly header: ShardHeader;
  readonly #descriptor: number;

  /** @throws FormatError when the file is missing, foreign, or shorter or longer than its header says */
  constructor(path: string) {
    this.path = path;
    this.#descriptor = openForReading(path);
    try {
      this.header = readHeader(path, this.#descriptor);
    } catch (error) {
      closeSync(this.#descriptor);
      throw error;
    }
  }

  /** Copies tokens [start, start + into.length) into `into`. */
  readInto(into: Int32Array, start: number): void {
    const size = this.header.bytesPerToken;
    const bytes = Buffer.allocUnsafe(into.length * size);
    readFully(this.path, this.#descriptor, bytes, HEADER_BYTES + start * size);
    for (let i = 0; i < into.length; i++) {
      into[i] = size === 2 ? bytes.readUInt16LE(i * 2) : bytes.readUInt32LE(i * 4);
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

function openForReading(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw new FormatError(path, `the token shard cannot be opened. ${REBUILD}`, { cause });
  }
}

function readHeader(path: string, descriptor: number): ShardHeader {
  const { size } = fstatSync(descriptor);
  if (size < HEADER_BYTES) {
    throw new FormatError(
      path,
      `not a token shard: expected a header of ${HEADER_BYTES} bytes, got ${size}. ${REBUILD}`,
    );
  }
  const bytes = Buffer.alloc(HEADER_BYTES);
  readFully(path, descriptor, bytes, 0);
  const header = decodeHeader(path, bytes);
  const expected = HEADER_BYTES + header.tokenCount * header.bytesPerToken;
  if (size !== expected) {
    const what = size < expected ? "truncated" : "too long";
    throw new FormatError(path, `the token shard is ${what}: expected ${expected} bytes, got ${size}. ${REBUILD}`);
  }
  return header;
}

function decodeHeader(path: string, bytes: Buffer): ShardHeader {
  const magic = bytes.readUInt32LE(0);
  if (magic !== MAGIC) {
    const [expected, got] = [MAGIC, magic].map((value) => `0x${value.toString(16).padStart(8, "0")}`);
    throw new FormatError(path, `not a token shard: expected magic ${expected}, got ${got}. ${REBUILD}`);
  }
  const version = bytes.readUInt32LE(4);
  if (version !== VERSION) {
    throw new FormatError(path, `token shard of version ${version}, expected ${VERSION}. ${REBUILD}`);
  }
  const bytesPerToken = bytes.readUInt32LE(8);
  if (bytesPerToken !== 2 && bytesPerToken !== 4) {
    throw new FormatError(path, `token shard with ids of ${bytesPerToken} bytes, expected 2 or 4. ${REBUILD}`);
  }
  return {
    bytesPerToken,
    separatorId: bytes.readUInt32LE(12),
    tokenCount: Number(bytes.readBigUInt64LE(16)),
    documentCount: Number(bytes.readBigUInt64LE(24)),
  };
}

function readFully(path: string, descriptor: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    const count = readSync(descriptor, bytes, done, bytes.length - done, position + done);
    if (count === 0) throw new FormatError(path, `the token shard ended while it was read. ${REBUILD}`);
    done += count;
  }
}

/** @throws FormatError naming the shard when its bytes are not those that were written */
export function verifyShard(path: string, sha256: string): void {
  const actual = digestFile(path, "a token shard").sha256;
  if (actual !== sha256) {
    throw new FormatError(path, `the token shard is corrupt: expected SHA-256 ${sha256}, got ${actual}. ${REBUILD}`);
  }
}
