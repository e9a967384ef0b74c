import { SingleBar } from "cli-progress";
import { type ProgressView, progressLine } from "./progress-line.js";

/** What a command tells while it works, on standard error. */
export interface Display extends Disposable {
  /** A line that stays. */
  log(line: string): void;
  /** How far it is: replaces what was shown before. */
  progress(view: ProgressView): void;
}

const PLAIN_INTERVAL_MS = 10_000;
const PLAIN_COLUMNS = 200;

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
  readonly #bar: SingleBar;
  #view: ProgressView | null = null;
  #viewedMs = 0;

  constructor() {
    this.#bar = new SingleBar({
      stream: process.stderr,
      format: () => this.#line(),
      fps: 4,
      linewrap: true, // Off would be an escape sequence, which a killed process does not take back.
      clearOnComplete: true,
    });
  }

  log(line: string): void {
    // Where the bar began is where it is cleared, so it must not be moved by other lines: it is taken away, and begun again.
    this.#bar.stop();
    process.stderr.write(`${line}\n`);
    if (this.#view !== null) this.#bar.start(1, 0);
  }

  progress(view: ProgressView): void {
    const isFirst = this.#view === null;
    this.#view = view;
    this.#viewedMs = performance.now();
    if (isFirst) this.#bar.start(1, 0);
  }

  [Symbol.dispose](): void {
    this.#bar.stop();
    this.#view = null;
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
