import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { sha256Of } from "../storage/digest.js";

/** Where English text lies on a machine that runs Node: documentation of its packages and of the system. */
const PLACES = [
  fileURLToPath(new URL("../../node_modules", import.meta.url)),
  join(dirname(dirname(process.execPath)), "lib/node_modules"),
  "/usr/lib/node_modules",
  "/usr/share/nodejs",
  "/usr/share/doc",
  "/usr/share/perl",
  "/usr/share/man/man1",
  "/usr/share/man/man5",
  "/usr/share/man/man7",
  "/usr/share/man/man8",
  "/usr/share/man/man3",
];

const largestFileBytes = 2 << 20;

interface GatheredText {
  documents: string[];
  characters: number;
  files: number;
}

/**
 * English prose that is on this machine, each paragraph once: Markdown, plain text, manual pages and Perl's POD.
 *
 * The same machine gives the same text in the same order.
 *
 * @param options.places folders to look in, in this order; default: where documentation lies
 */
export function gatherText(options: { maxCharacters: number; places?: readonly string[] }): GatheredText {
  const seen = new Set<string>();
  const gathered: GatheredText = { documents: [], characters: 0, files: 0 };
  for (const path of readableFiles(options.places ?? PLACES)) {
    if (gathered.characters >= options.maxCharacters) break;
    const fresh = proseOf(path).filter((paragraph) => isNew(paragraph, seen));
    if (fresh.length === 0) continue;
    const document = fresh.join("\n");
    gathered.documents.push(document);
    gathered.characters += document.length;
    gathered.files += 1;
  }
  return gathered;
}

function* readableFiles(places: readonly string[]): Generator<string> {
  const visited = new Set<string>();
  for (const place of places) {
    if (visited.has(place)) continue;
    visited.add(place);
    yield* filesBelow(place);
  }
}

function* filesBelow(folder: string): Generator<string> {
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile() && readerOf(entry.name) !== null) yield path;
  }
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return []; // Not on this machine, or not ours to read.
  }
}

/** How a file's paragraphs are read, by its name; null for what is not prose: licences and lists of changes repeat themselves. */
function readerOf(name: string): ((text: string) => string[]) | null {
  const plain = name.replace(/\.gz$/, "");
  if (/^(copyright|licen[cs]e|copying|change(s|log)|authors|thanks|contributors)/i.test(plain)) return null;
  if (/\.(md|markdown)$/i.test(plain)) return paragraphsOfMarkdown;
  if (/\.(pod|pm)$/i.test(plain)) return paragraphsOfPod;
  if (/\.[1-8](ssl|pm|perl)?$/.test(plain)) return paragraphsOfManual;
  if (/\.txt$/i.test(plain) || /^(README|NEWS|FAQ|INTRO|TODO|HACKING)/.test(plain)) return paragraphsOfText;
  return null;
}

function proseOf(path: string): string[] {
  try {
    if (statSync(path).size > largestFileBytes) return [];
    const bytes = readFileSync(path);
    const text = (extname(path) === ".gz" ? gunzipSync(bytes) : bytes).toString("utf8");
    return readerOf(path.slice(path.lastIndexOf("/") + 1))?.(text) ?? [];
  } catch {
    return []; // A broken link or archive costs the demo nothing.
  }
}

function isNew(paragraph: string, seen: Set<string>): boolean {
  const key = sha256Of([paragraph.toLowerCase().replace(/[^a-z]+/g, "")]);
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}

// What is running English in the formats documentation comes in. Markup that is not understood is left out.

const commonWords = new Set(
  "the of and to a in is that it for on with as are be this by or an from not can if you will which at when".split(" "),
);
const shortestParagraph = 80;

/** Whether a paragraph reads as English sentences rather than code, tables or lists of names. */
export function isProse(paragraph: string): boolean {
  if (paragraph.length < shortestParagraph || !/^["'(]?[A-Z]/.test(paragraph)) return false;
  const letters = paragraph.match(/[A-Za-z ,.'’]/g)?.length ?? 0;
  if (letters / paragraph.length < 0.92) return false;
  const words = paragraph.toLowerCase().match(/[a-z']+/g) ?? [];
  const common = words.filter((word) => commonWords.has(word)).length;
  return words.length >= 12 && common / words.length > 0.25;
}

function tidyParagraphs(blocks: readonly string[]): string[] {
  return blocks.map((block) => block.replace(/\s+/g, " ").trim()).filter(isProse);
}

export function paragraphsOfText(text: string): string[] {
  return tidyParagraphs(text.split(/\n\s*\n/));
}

export function paragraphsOfMarkdown(text: string): string[] {
  const prose = text
    .replace(/^(```|~~~)[\s\S]*?^\1/gm, "\n\n") // Code.
    .replace(/^---\n[\s\S]*?\n---\n/, "") // Front matter.
    .replace(/<!--[\s\S]*?-->|<[^>\n]+>/g, " ")
    .replace(/!\[[^\]]*\]\([^)]*\)/g, " ")
    .replace(/\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])/g, "$1")
    .replace(/^(#{1,6} .*|\s*[-*+|>].*|\s*\d+[.)] .*| {4,}.*|\t.*)$/gm, "\n")
    .replace(/[`*_]{1,3}/g, "");
  return paragraphsOfText(prose);
}

/** Perl's documentation format: prose is what stands between commands, unindented. */
export function paragraphsOfPod(text: string): string[] {
  let inPod = false;
  const blocks: string[] = [];
  for (const block of text.split(/\n\s*\n/)) {
    if (block.startsWith("=")) inPod = !block.startsWith("=cut");
    else if (inPod && !/^\s/.test(block)) blocks.push(withoutPodCodes(block));
  }
  return tidyParagraphs(blocks);
}

function withoutPodCodes(block: string): string {
  return block.replace(/[A-Z]<+\s?([^<>|]*)(\|[^<>]*)?\s?>+/g, "$1").replace(/[A-Z]<([^<>]*)>/g, "$1");
}

/** A manual page: macros part paragraphs, their text and font changes are kept, tables and examples are not. */
export function paragraphsOfManual(text: string): string[] {
  const prose = text
    .replace(/^\.(nf|EX|TS|de|ig|Bd)\b[\s\S]*?^\.(fi|EE|TE|\.|Ed)\b/gm, "\n\n")
    .replace(/^[.'](B|I|BR|IR|BI|RB|RI|IB|Nm|Ar|Fl|Em|Sy|Xr) (.*)$/gm, (_, __, words: string) =>
      words.replace(/"/g, ""),
    )
    .replace(/^[.'].*$/gm, "\n")
    .replace(/\\f\[?[A-Z0-9]{1,2}\]?|\\f\(..|\\[&,/|^%)]|\\s[-+]?\d/g, "")
    .replace(/\\\(aq|\\\(cq|\\\[aq\]/g, "'")
    .replace(/\\\(l?[hq]y|\\-/g, "-")
    .replace(/\\[(*]..|\\\[[^\]]*\]|\\./g, " ");
  return paragraphsOfText(prose);
}
