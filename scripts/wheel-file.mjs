// Reads a wheel, which is a zip: its METADATA, and its files, each compared with the SHA-256 of its RECORD.
import { createHash } from "node:crypto";
import {
  closeSync,
  createReadStream,
  createWriteStream,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createInflateRaw, inflateRawSync } from "node:zlib";

const [END, ENTRY, LOCAL] = [0x06054b50, 0x02014b50, 0x04034b50]; // Signatures of a zip's records.
const STORED = 0;
/** Larger files are streamed; the thousands of headers would each wait for three streams. */
const STREAMED_BYTES = 1 << 23;

/** A wheel on disk. Nothing of it but its table of contents is held in memory. */
export class WheelFile {
  #fd;
  #entries = new Map();

  constructor(path) {
    this.path = path;
    this.#fd = openSync(path, "r");
    try {
      this.#readContents();
    } catch (cause) {
      closeSync(this.#fd);
      throw new Error(`${path}: not a whole wheel (${cause.message})`, { cause });
    }
  }

  close() {
    closeSync(this.#fd);
  }

  /** The metadata's lines `NAME: value`. */
  metadata(name) {
    const lines = this.#text("METADATA").split(/\r?\n/);
    const body = lines.indexOf("");
    const found = lines.slice(0, body < 0 ? lines.length : body).filter((line) => line.startsWith(`${name}: `));
    return found.map((line) => line.slice(name.length + 2));
  }

  /** Writes the files for which `isWanted(name)` below `folder`, by the names that they have in the wheel. */
  async unpack(folder, isWanted) {
    for (const [name, expected] of this.#recordedHashes()) {
      if (!isWanted(name)) continue;
      if (name.split("/").includes("..")) throw new Error(`${this.path}: ${name} lies outside the wheel`);
      const target = join(folder, name);
      mkdirSync(dirname(target), { recursive: true });
      const actual = await this.#copy(name, target);
      if (actual !== expected) throw new Error(`${this.path}: ${name}: expected ${expected}, got ${actual}`);
    }
  }

  /** Returns the file's hash as RECORD writes it. */
  async #copy(name, target) {
    const { stored, packedSize, size } = this.#entry(name);
    const hash = createHash("sha256");
    if (size <= STREAMED_BYTES) {
      const bytes = this.#bytes(name);
      hash.update(bytes);
      writeFileSync(target, bytes);
    } else {
      const start = this.#start(name);
      const packed = createReadStream(this.path, { start, end: start + packedSize - 1 });
      const hashing = async function* (blocks) {
        for await (const block of blocks) {
          hash.update(block);
          yield block;
        }
      };
      await pipeline(packed, ...(stored ? [] : [createInflateRaw()]), hashing, createWriteStream(target));
    }
    return `sha256=${hash.digest("base64url")}`;
  }

  #bytes(name) {
    const { stored, packedSize } = this.#entry(name);
    const packed = this.#read(this.#start(name), packedSize);
    return stored ? packed : inflateRawSync(packed);
  }

  #text(file) {
    const name = [...this.#entries.keys()].find(
      (path) => /^[^/]+\.dist-info\/[^/]+$/.test(path) && path.endsWith(`/${file}`),
    );
    if (name === undefined) throw new Error(`${this.path}: not a wheel, it has no .dist-info/${file}`);
    return this.#bytes(name).toString("utf8");
  }

  /** [name, "sha256=…"] of every file; a name is quoted where it holds a comma. */
  #recordedHashes() {
    const rows = this.#text("RECORD").matchAll(/^(?:"([^"]+)"|([^",\r\n]+)),(sha256=[\w-]+),/gm);
    return [...rows].map(([, quoted, plain, hash]) => [quoted ?? plain, hash]);
  }

  #entry(name) {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new Error(`${this.path}: ${name} is recorded, but not there`);
    return entry;
  }

  /** Where an entry's bytes begin: its own header may have other extra fields than the table's. */
  #start(name) {
    const { offset } = this.#entry(name);
    const header = this.#read(offset, 30);
    if (header.readUInt32LE(0) !== LOCAL) throw new Error(`${this.path}: ${name} is damaged`);
    return offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  }

  #read(position, length) {
    const bytes = Buffer.alloc(length);
    for (let have = 0; have < length; ) {
      const count = readSync(this.#fd, bytes, have, length - have, position + have);
      if (count === 0) throw new Error(`${this.path}: ends early`);
      have += count;
    }
    return bytes;
  }

  #readContents() {
    const { size } = fstatSync(this.#fd);
    const tail = this.#read(Math.max(0, size - 0xffff - 22), Math.min(size, 0xffff + 22));
    let end = tail.length - 22;
    while (end >= 0 && tail.readUInt32LE(end) !== END) end--;
    if (end < 0) throw new Error("no table of contents");
    const [length, offset] = [tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)];
    if (offset === 0xffffffff) throw new Error("ZIP64 is not read");
    const table = this.#read(offset, length);
    for (let at = 0; at < length; ) {
      if (table.readUInt32LE(at) !== ENTRY) throw new Error("the table of contents is damaged");
      const nameEnd = at + 46 + table.readUInt16LE(at + 28);
      this.#entries.set(table.toString("utf8", at + 46, nameEnd), {
        stored: table.readUInt16LE(at + 10) === STORED,
        packedSize: table.readUInt32LE(at + 20),
        size: table.readUInt32LE(at + 24),
        offset: table.readUInt32LE(at + 42),
      });
      at = nameEnd + table.readUInt16LE(at + 30) + table.readUInt16LE(at + 32);
    }
  }
}
