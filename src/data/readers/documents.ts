import { StringDecoder } from "node:string_decoder";
import { cellsOf, type Row, textIn } from "./row.js";
import { withoutByteOrderMark } from "./text-lines.js";

/** Longer documents are cut into several, at the end of a line or else at a space; UTF-16 units. */
export const LONGEST_DOCUMENT = 1 << 20;
/** The column, or field, that holds the text of a document. */
export const TEXT_COLUMN = "text";

/*
 * Control characters (category Cc), except tab and line ends. BERT's normaliser drops the same ones, so dropping them
 * here changes no token; they are dropped early because a stray NUL or form feed would make a word look new.
 */
const CONTROL = /[^\P{Cc}\t\n\r]/gu;
const SPACES = /[ \t]{2,}|\t/g;

/** A line, or a part of one that is too long to hold. */
interface Line {
  readonly text: string;
  readonly complete: boolean;
}

/** Documents of a text: paragraphs are lines, a blank line ends the document. */
export async function* textDocuments(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let lines: string[] = [];
  let length = 0;
  for await (const line of paragraphs(bytes, LONGEST_DOCUMENT)) {
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
 * Documents of rows, which hold their text in the column `text`.
 *
 * @param options.mayBeNull whether a row may hold none
 * @throws FormatError naming the row that cannot be read, or holds something else
 */
export async function* rowDocuments(
  rows: AsyncIterable<Row>,
  { mayBeNull }: { mayBeNull: boolean },
): AsyncGenerator<string> {
  for await (const row of rows) {
    if (mayBeNull && (cellsOf(row)[TEXT_COLUMN] ?? null) === null) continue;
    yield* documentsOf(textIn(row, TEXT_COLUMN));
  }
}

/** The text of a row, tidied, without blank lines, and cut where it is too long. */
function* documentsOf(text: string): Generator<string> {
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

/** Lines without their ends; one that is longer than `longest` comes in parts, cut at spaces where it has any. */
async function* paragraphs(bytes: AsyncIterable<Buffer>, longest: number): AsyncGenerator<Line> {
  let parts: string[] = []; // Of the line that has not ended yet; joined once, as a line may take many pieces.
  let length = 0;
  for await (const piece of decode(bytes)) {
    let start = 0;
    for (let end = piece.indexOf("\n"); end >= 0; end = piece.indexOf("\n", start)) {
      yield { text: parts.join("") + piece.slice(start, end), complete: true };
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
      yield { text: rest.slice(0, cut), complete: false };
      rest = rest.slice(cut);
    }
    parts = [rest];
    length = rest.length;
  }
  if (length > 0) yield { text: parts.join(""), complete: true };
}

/** UTF-8 as text, the byte order mark dropped and every line end made "\n". */
async function* decode(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  let carriage = "";
  for await (const chunk of withoutByteOrderMark(bytes)) {
    let text = carriage + decoder.write(chunk);
    carriage = text.endsWith("\r") ? "\r" : ""; // Its "\n" may be in the next piece.
    if (carriage !== "") text = text.slice(0, -1);
    yield text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
  }
  yield carriage.replace("\r", "\n") + decoder.end();
}

/**
 * Tidies a line: control characters go, runs of spaces and tabs become one space, the ends are trimmed of them.
 *
 * Nothing else is touched. In particular text is not brought to NFC: a cased BERT tokenizer gives other ids for composed
 * than for decomposed letters, and a token must be what the reference tokenizer makes of the line as it stands.
 */
export function cleanLine(line: string): string {
  let text = line;
  if (text.search(CONTROL) >= 0) text = text.replace(CONTROL, "");
  if (text.search(SPACES) >= 0) text = text.replace(SPACES, " ");
  return text.startsWith(" ") || text.endsWith(" ") ? text.replace(/^ +| +$/g, "") : text;
}
