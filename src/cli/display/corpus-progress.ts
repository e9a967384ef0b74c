import type { Display } from "./display.js";
import type { ProgressView } from "./progress-line.js";
import { short, whole } from "./quantities.js";

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
