import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { sha256Of } from "../storage/digest.js";
import { paragraphsOfManual, paragraphsOfMarkdown, paragraphsOfPod, paragraphsOfText } from "./prose.js";

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

export interface GatheredText {
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
