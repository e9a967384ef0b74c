import { clock, short, whole } from "../../quantities.js";

/** What a command tells while it works, on standard error. */
export interface Display extends Disposable {
  /** A line that stays. */
  log(line: string): void;
  /** How far it is: replaces what was shown before. */
  progress(view: ProgressView): void;
}

const PLAIN_INTERVAL_MS = 10_000;
const PLAIN_COLUMNS = 200;
const REDRAW_INTERVAL_MS = 250;
/** To the beginning of the line, and all that stands on it gone. */
const CLEAR_LINE = "\r\x1b[K";

/** One line that moves on a terminal; elsewhere a line every ten seconds; nothing with `quiet`. */
export function openDisplay({ quiet = false }: { quiet?: boolean | undefined }): Display {
  if (quiet) return { log: () => {}, progress: () => {}, [Symbol.dispose]: () => {} };
  return process.stderr.isTTY ? new TerminalDisplay() : new PlainDisplay();
}

class PlainDisplay implements Display {
  #shownMs = performance.now();

  log(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  progress(view: ProgressView): void {
    if (performance.now() - this.#shownMs < PLAIN_INTERVAL_MS) return;
    this.#shownMs = performance.now();
    const plain = { ...view, fraction: null }; // A log has no use for bars.
    const share = view.fraction === null ? "" : `${Math.floor(100 * view.fraction)} %  `;
    this.log(share + progressLine(plain, PLAIN_COLUMNS));
  }

  [Symbol.dispose](): void {}
}

class TerminalDisplay implements Display {
  #view: ProgressView | null = null;
  #viewedMs = 0;
  #timer: NodeJS.Timeout | null = null;

  log(line: string): void {
    process.stderr.write(`${CLEAR_LINE}${line}\n${this.#line()}`);
  }

  progress(view: ProgressView): void {
    this.#view = view;
    this.#viewedMs = performance.now();
    if (this.#timer !== null) return;
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), REDRAW_INTERVAL_MS).unref(); // The remaining time runs on by itself.
  }

  [Symbol.dispose](): void {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = this.#view = null;
    process.stderr.write(CLEAR_LINE);
  }

  #draw(): void {
    process.stderr.write(CLEAR_LINE + this.#line());
  }

  /** The last view, its remaining time running on. */
  #line(): string {
    if (this.#view === null) return "";
    const { etaSeconds } = this.#view;
    const sinceSeconds = (performance.now() - this.#viewedMs) / 1000;
    const remaining = etaSeconds === null ? null : Math.max(0, etaSeconds - sinceSeconds);
    return progressLine({ ...this.#view, etaSeconds: remaining }, process.stderr.columns || 80);
  }
}

interface Part {
  text: string;
  rank: number;
}

/** How far something is, and what there is to say about it. */
export interface ProgressView {
  /** In [0, 1]; null where nobody knows the whole. */
  fraction: number | null;
  /** In the order they are shown. Where there is no room for all, those of the highest `rank` stay. */
  parts: readonly Part[];
  etaSeconds: number | null;
}

const SEPARATOR = "  ";
const ETA_RANK = 8;
const LEAST_BAR = 10;
const MOST_BAR = 30;

/** The view as one line of fewer than `columns` characters, with a bar where there is room. */
export function progressLine(view: ProgressView, columns: number): string {
  const room = columns - 1; // The last column would wrap the cursor.
  const head = view.fraction === null ? "" : `${String(Math.floor(100 * view.fraction)).padStart(3)} %`;
  const eta = view.etaSeconds === null ? [] : [{ text: `ETA ${clock(view.etaSeconds)}`, rank: ETA_RANK }];
  const parts = [...view.parts, ...eta];
  const shown = new Set<Part>();
  const compose = (bar: string) =>
    [head, bar, ...parts.filter((part) => shown.has(part)).map(({ text }) => text)]
      .filter((text) => text !== "")
      .join(SEPARATOR);
  for (const part of parts.toSorted((a, b) => b.rank - a.rank)) {
    shown.add(part);
    if (compose("").length > room) shown.delete(part);
  }
  const width = Math.min(MOST_BAR, room - compose("").length - SEPARATOR.length);
  const bar = view.fraction === null || width < LEAST_BAR ? "" : barOf(view.fraction, width);
  return compose(bar).slice(0, Math.max(0, room));
}

function barOf(fraction: number, width: number): string {
  const full = Math.round(fraction * width);
  return "█".repeat(full) + "░".repeat(width - full);
}

/** Turns counts of a corpus being read into views with a speed. */
export class CorpusMeter {
  readonly #startMs = performance.now();

  /** @param totalBytes null when nobody knows, as of standard input */
  view(read: { bytesRead: number; totalBytes: number | null; documents: number; tokens?: number }): ProgressView {
    const { bytesRead, totalBytes, documents, tokens } = read;
    const bytesPerSecond = bytesRead / ((performance.now() - this.#startMs) / 1000);
    const size = totalBytes === null ? megabytes(bytesRead) : `${megabytes(bytesRead)} / ${megabytes(totalBytes)}`;
    return {
      fraction: totalBytes === null ? null : Math.min(1, bytesRead / totalBytes),
      parts: [
        { text: `${size} MB`, rank: 9 },
        { text: `${short(documents)} documents`, rank: 6 },
        ...(tokens === undefined ? [] : [{ text: `${short(tokens)} tokens`, rank: 5 }]),
        { text: `${megabytes(bytesPerSecond)} MB/s`, rank: 7 },
      ],
      etaSeconds: totalBytes === null ? null : Math.max(0, totalBytes - bytesRead) / bytesPerSecond,
    };
  }
}

/** Says which files of the corpus's folders are not read; they would be missed only in the result. */
export function logIgnored(display: Display, ignored: readonly string[]): void {
  const [first] = ignored;
  if (first === undefined) return;
  const others = ignored.length === 1 ? first : `${whole(ignored.length)} files, as ${first}`;
  display.log(`not read, being empty or of another kind: ${others}`);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
