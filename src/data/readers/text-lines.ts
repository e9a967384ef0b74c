import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { FormatError } from "../../errors.js";
import { readError } from "../../storage/json-file.js";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = Buffer.from("\ufeff");

/** A line that is not empty. */
interface TextLine {
  /** Counted from 1, empty ones included. */
  readonly number: number;
  /** Null where its bytes are not UTF-8. */
  readonly text: string | null;
}

/** What becomes of a line that is not UTF-8: no text, or a replacement character for each part that is none. */
export type Utf8 = "strict" | "repaired";

/**
 * The lines that are not empty, without their ends ("\n" or "\r\n") and without a byte order mark.
 *
 * @param name what messages call the file
 * @throws FormatError when a line is longer than `mostBytes`
 */
export async function* linesOf(
  name: string,
  bytes: AsyncIterable<Buffer>,
  { mostBytes = Number.POSITIVE_INFINITY, utf8 = "strict" }: { mostBytes?: number; utf8?: Utf8 } = {},
): AsyncGenerator<TextLine> {
  let number = 0;
  for await (const whole of byteLines(withoutByteOrderMark(bytes), name, mostBytes)) {
    number++;
    const end = whole.at(-1) === CARRIAGE_RETURN ? -1 : whole.length;
    const line = whole.subarray(0, end);
    if (line.length > 0) yield { number, text: utf8 === "strict" ? decodeUtf8(line) : line.toString("utf8") };
  }
}

export async function* withoutByteOrderMark(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let isFirst = true;
  for await (const piece of bytes) {
    const marked = isFirst && piece.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
    yield marked ? piece.subarray(BYTE_ORDER_MARK.length) : piece;
    isFirst = false;
  }
}

/**
 * A whole file, without a byte order mark.
 *
 * @param what what the file is, for the message
 * @throws FormatError when it cannot be read, or is not UTF-8
 */
export async function readText(path: string, what: string): Promise<string> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw readError(path, what, error);
  });
  const text = decodeUtf8(bytes);
  if (text === null) throw new FormatError(path, `expected ${what}, got text that is not UTF-8. Fetch it again.`);
  return text.replace(/^\ufeff/, "");
}

/** Null where the bytes are not UTF-8. */
export function decodeUtf8(bytes: Buffer): string | null {
  return isUtf8(bytes) ? bytes.toString("utf8") : null;
}

/** Cut at "\n", a byte that is part of no other character in UTF-8. */
async function* byteLines(pieces: AsyncIterable<Buffer>, name: string, mostBytes: number): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []; // Of the line that has not ended yet; joined once, as a line may take many pieces.
  let bytes = 0; // Of these.
  let number = 1;
  for await (const piece of pieces) {
    let start = 0;
    for (let end = piece.indexOf(LINE_FEED); end >= 0; end = piece.indexOf(LINE_FEED, start)) {
      const last = piece.subarray(start, end);
      yield parts.length === 0 ? last : Buffer.concat([...parts, last]);
      parts = [];
      bytes = 0;
      number++;
      start = end + 1;
    }
    if (start < piece.length) parts.push(piece.subarray(start));
    bytes += piece.length - start;
    if (bytes > mostBytes) {
      const problem = `expected lines of at most ${mostBytes} bytes, got a longer one. Cut it.`;
      throw new FormatError(`${name}:${number}`, problem);
    }
  }
  if (parts.length > 0) yield Buffer.concat(parts);
}
