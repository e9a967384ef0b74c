import { readdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { OutputFile } from "../storage/atomic-files.js";
import { makeFolder } from "../storage/disk.js";

interface EventWriterOptions {
  /** Part of the file's name, as TensorBoard has it. Default: this machine's. */
  readonly host?: string;
  /** Milliseconds since 1970. Default: the clock. */
  readonly now?: () => number;
}

// Field numbers of tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto.
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 };
const SUMMARY = { value: 1 };
const VALUE = { tag: 1, simpleValue: 2 };
const SESSION_LOG = { status: 1 };
const SESSION_START = 1;

const CRC_POLYNOMIAL = 0x82f63b78; // Castagnoli's, bits reversed.

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ CRC_POLYNOMIAL : crc >>> 1;
  return crc;
});

let fileCount = 0;

/** A TensorBoard event file of scalars; a resumed run starts another in the same directory. */
export class EventWriter implements Disposable {
  readonly #now: () => number;
  readonly #file: OutputFile;

  /**
   * @param lastStep the step the run goes on from, null from the start: TensorBoard forgets what older files say beyond
   * @throws StorageError when the disk is full
   */
  constructor(directory: string, lastStep: number | null, options: EventWriterOptions = {}) {
    this.#now = options.now ?? Date.now;
    makeFolder(directory);
    const path = join(directory, fileName(directory, this.#now(), options.host ?? hostname()));
    this.#file = new OutputFile(path, { flag: "wx", next: "resume" });
    this.#write(0, (event) => event.tag(EVENT.fileVersion, WireType.LengthDelimited).string("brain.Event:2"));
    this.#write(lastStep === null ? 0 : lastStep + 1, (event) =>
      message(event, EVENT.sessionLog, (log) => log.tag(SESSION_LOG.status, WireType.Varint).int32(SESSION_START)),
    );
  }

  /**
   * Adds one point to each of the named curves.
   *
   * @throws StorageError when the disk is full
   */
  scalars(step: number, values: Readonly<Record<string, number>>): void {
    this.#write(step, (event) =>
      message(event, EVENT.summary, (summary) => {
        for (const [tag, value] of Object.entries(values)) {
          message(summary, SUMMARY.value, (item) =>
            item
              .tag(VALUE.tag, WireType.LengthDelimited)
              .string(tag)
              .tag(VALUE.simpleValue, WireType.Bit32)
              .float(value),
          );
        }
        return summary;
      }),
    );
  }

  get path(): string {
    return this.#file.path;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #write(step: number, fill: (event: BinaryWriter) => BinaryWriter): void {
    const event = new BinaryWriter();
    event.tag(EVENT.wallTime, WireType.Bit64).double(this.#now() / 1000);
    event.tag(EVENT.step, WireType.Varint).int64(step);
    this.#file.write(frameRecord(fill(event).finish()));
  }
}

/**
 * A TFRecord: length (uint64), masked CRC of the length, data, masked CRC of the data; all little endian.
 *
 * Source: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
 */
export function frameRecord(data: Uint8Array): Uint8Array {
  const record = Buffer.alloc(8 + 4 + data.byteLength + 4);
  record.writeBigUInt64LE(BigInt(data.byteLength), 0);
  record.writeUInt32LE(maskedCrc(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(maskedCrc(data), 12 + data.byteLength);
  return record;
}

/**
 * CRC-32C of some bytes, as an unsigned number; Node's zlib has only the CRC-32 of gzip.
 *
 * Source: RFC 3720, section 12.1 and appendix B.4
 */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** The CRC of bytes that themselves hold CRCs is weak, so TFRecord rotates it and adds a constant. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function message(writer: BinaryWriter, field: number, fill: (inner: BinaryWriter) => BinaryWriter): BinaryWriter {
  return fill(writer.tag(field, WireType.LengthDelimited).fork()).join();
}

/** TensorBoard reads the files of a run in the order of their names, so the seconds in it must grow. */
function fileName(directory: string, nowMs: number, host: string): string {
  const earlier = readdirSync(directory).map((name) => Number(/^events\.out\.tfevents\.(\d+)\./.exec(name)?.[1] ?? 0));
  const seconds = Math.max(Math.floor(nowMs / 1000), ...earlier.map((second) => second + 1));
  const name = `events.out.tfevents.${seconds}.${host}.${process.pid}.${fileCount}`;
  fileCount += 1;
  return name;
}
