import { StringDecoder } from "node:string_decoder";
import { FormatError } from "../errors.js";
import { cleanLine } from "./clean.js";

/** Longer documents are cut into several, at the end of a line or else at a space; UTF-16 units. */
export const LONGEST_DOCUMENT = 1 << 20;
/** A JSONL row cannot be cut, so a longer one is an error; UTF-16 units. */
const LONGEST_ROW = 1 << 25;
const SNIFFED_BYTES = 1 << 16;

/** A line, or a part of one that is too long to hold. */
interface Line {
  readonly text: string;
  /** Counted from 1. */
  readonly number: number;
  readonly complete: boolean;
}

/** Documents of a text: paragraphs are lines, a blank line ends the document. */
export async function* textDocuments(path: string, bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let lines: string[] = [];
  let length = 0;
  for await (const line of readLines(path, bytes, LONGEST_DOCUMENT)) {
    const text = cleanLine(line.text);
    const tooLong = length + text.length > LONGEST_DOCUMENT;
    if ((text === "" && line.complete) || tooLong) {
      if (lines.length > 0) yield lines.join("\n");
      lines = [];
      length = 0;
    }
    if (text === "") continue;
    lines.push(text);
    length += text.length + 1;
  }
  if (lines.length > 0) yield lines.join("\n");
}

/**
 * Documents of JSON lines: the `text` of each row.
 *
 * @throws FormatError naming the line when a row is not an object with a string `text`
 */
export async function* jsonlDocuments(path: string, bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  for await (const line of readLines(path, bytes, LONGEST_ROW)) {
    if (!line.complete) {
      throw new FormatError(`${path}:${line.number}`, `the row is longer than ${LONGEST_ROW} characters. Cut it.`);
    }
    if (line.text.trim() !== "") yield* documentsOf(textOf(line, path));
  }
}

/** The text that a row or a cell holds, tidied, without blank lines, and cut where it is too long. */
export function* documentsOf(text: string): Generator<string> {
  const tidy = text
    .split(/\r\n|\r|\n/)
    .map(cleanLine)
    .filter((line) => line !== "")
    .join("\n");
  for (let start = 0; start < tidy.length; ) {
    const end = tidy.length - start <= LONGEST_DOCUMENT ? tidy.length : cutBefore(tidy, start + LONGEST_DOCUMENT);
    yield tidy.slice(start, end);
    start = tidy[end] === "\n" || tidy[end] === " " ? end + 1 : end;
  }
}

/** The last line end before `limit`, else the last space, else a place that does not cut a surrogate pair. */
function cutBefore(text: string, limit: number): number {
  const half = limit - LONGEST_DOCUMENT / 2;
  for (const separator of ["\n", " "]) {
    const found = text.lastIndexOf(separator, limit);
    if (found > half) return found;
  }
  const unit = text.charCodeAt(limit - 1);
  return unit >= 0xd800 && unit < 0xdc00 ? limit - 1 : limit;
}

function textOf(line: Line, path: string): string {
  const where = `${path}:${line.number}`;
  let row: unknown;
  try {
    row = JSON.parse(line.text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/\s+/g, " ") : String(cause);
    throw new FormatError(where, `not a JSON row (${reason}). Expected {"text": "…"} on each line.`, { cause });
  }
  const text = typeof row === "object" && row !== null && "text" in row ? row.text : undefined;
  if (typeof text === "string") return text;
  const got = typeof row !== "object" || row === null ? typeof row : `fields ${Object.keys(row).join(", ") || "none"}`;
  throw new FormatError(where, `expected a "text" field with a string, got ${text === undefined ? got : typeof text}.`);
}

/** Lines without their ends; one that is longer than `longest` comes in parts, cut at spaces where it has any. */
async function* readLines(path: string, bytes: AsyncIterable<Buffer>, longest: number): AsyncGenerator<Line> {
  let parts: string[] = []; // Of the line that has not ended yet; joined once, as a line may take many pieces.
  let length = 0;
  let number = 1;
  for await (const piece of decode(path, bytes)) {
    let start = 0;
    for (let end = piece.indexOf("\n"); end >= 0; end = piece.indexOf("\n", start)) {
      yield { text: parts.join("") + piece.slice(start, end), number: number++, complete: true };
      parts = [];
      length = 0;
      start = end + 1;
    }
    parts.push(piece.slice(start));
    length += piece.length - start;
    if (length <= longest) continue;
    let rest = parts.join("");
    while (rest.length > longest) {
      const cut = cutBefore(rest, longest);
      yield { text: rest.slice(0, cut), number, complete: false };
      rest = rest.slice(cut);
    }
    parts = [rest];
    length = rest.length;
  }
  if (length > 0) yield { text: parts.join(""), number, complete: true };
}

/** UTF-8 as text, the byte order mark dropped and every line end made "\n". */
async function* decode(path: string, bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  let sniffed = 0;
  let carriage = "";
  for await (const chunk of bytes) {
    if (chunk.includes(0)) throw binary(path, "it holds NUL bytes");
    let text = decoder.write(chunk);
    if (sniffed === 0 && text.startsWith("\ufeff")) text = text.slice(1);
    if (sniffed < SNIFFED_BYTES) checkUtf8(path, text);
    sniffed += chunk.length;
    text = carriage + text;
    carriage = text.endsWith("\r") ? "\r" : ""; // Its "\n" may be in the next piece.
    if (carriage !== "") text = text.slice(0, -1);
    yield text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
  }
  yield carriage.replace("\r", "\n") + decoder.end();
}

/** A damaged character or two is let pass, as a tokenizer drops them; more of them means another encoding. */
function checkUtf8(path: string, text: string): void {
  const damaged = text.split("\ufffd").length - 1;
  if (damaged > 8 && damaged > text.length / 1000)
    throw binary(path, `${damaged} of its first characters are not UTF-8`);
}

function binary(path: string, reason: string): FormatError {
  return new FormatError(
    path,
    `not a text file: ${reason}. Expected UTF-8 text, or JSONL, Parquet, .gz or .zst by those names.`,
  );
}
