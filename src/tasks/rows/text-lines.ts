import { isUtf8 } from "node:buffer";
import { readBytes } from "../../data/byte-streams.js";
import { FormatError } from "../../errors.js";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = Buffer.from("\ufeff");

/** A line that is not empty. */
export interface TextLine {
  /** Counted from 1, empty ones included. */
  readonly number: number;
  /** Null where its bytes are not UTF-8. */
  readonly text: string | null;
}

/**
 * The lines of a file that are not empty, without their ends ("\n" or "\r\n") and without a byte order mark.
 *
 * @throws FormatError when the file cannot be read, or a line is longer than `mostBytes`
 */
export async function* readTextLines(
  path: string,
  { mostBytes = Number.POSITIVE_INFINITY }: { mostBytes?: number } = {},
): AsyncGenerator<TextLine> {
  let number = 0;
  for await (const bytes of byteLines(readPlainBytes(path), path, mostBytes)) {
    number++;
    const end = bytes.at(-1) === CARRIAGE_RETURN ? -1 : bytes.length;
    const line = bytes.subarray(0, end);
    if (line.length > 0) yield { number, text: decodeUtf8(line) };
  }
}

/**
 * The bytes of a file, without a byte order mark.
 *
 * @throws FormatError when the file cannot be read
 */
export async function* readPlainBytes(path: string): AsyncGenerator<Buffer> {
  let isFirst = true;
  for await (const bytes of readBytes({ path, format: "text", compression: "none", bytes: 0 }, () => {})) {
    const marked = isFirst && bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
    yield marked ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes;
    isFirst = false;
  }
}

/** Null where the bytes are not UTF-8. */
export function decodeUtf8(bytes: Buffer): string | null {
  return isUtf8(bytes) ? bytes.toString("utf8") : null;
}

/** Cut at "\n", a byte that is part of no other character in UTF-8. */
async function* byteLines(pieces: AsyncIterable<Buffer>, path: string, mostBytes: number): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []; // Of the line that has not ended yet; joined once, as a line may take many pieces.
  let bytes = 0; // Of these.
  for await (const piece of pieces) {
    let start = 0;
    for (let end = piece.indexOf(LINE_FEED); end >= 0; end = piece.indexOf(LINE_FEED, start)) {
      const last = piece.subarray(start, end);
      yield parts.length === 0 ? last : Buffer.concat([...parts, last]);
      parts = [];
      bytes = 0;
      start = end + 1;
    }
    if (start < piece.length) parts.push(piece.subarray(start));
    bytes += piece.length - start;
    if (bytes > mostBytes) {
      throw new FormatError(path, `expected lines of at most ${mostBytes} bytes, got a longer one. Cut it.`);
    }
  }
  if (parts.length > 0) yield Buffer.concat(parts);
}
