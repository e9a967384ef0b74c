import { existsSync, readFileSync, statSync, truncateSync } from "node:fs";
import { FormatError } from "../errors.js";
import { OutputFile } from "../storage/atomic-files.js";
import { isJsonObject, type JsonObject, readError } from "../storage/json-file.js";

/** One line of metrics.jsonl. */
export type MetricsRecord = JsonObject & { readonly step: number };

/** metrics.jsonl, open for appending: one JSON object a line, in the order of the steps. */
export class MetricsLog implements Disposable {
  readonly path: string;
  readonly #file: OutputFile;

  /**
   * Opens the log to go on after its first `bytes`, 0 from the start: what a run that was killed had written beyond is
   * dropped, so that the log reads as one uninterrupted run.
   */
  constructor(path: string, bytes: number) {
    this.path = path;
    if (existsSync(path) && statSync(path).size > bytes) truncateSync(path, bytes); // On a full disk, too.
    this.#file = new OutputFile(path, { flag: "a", next: "resume" });
  }

  /**
   * Adds a line. A number that is not finite is written as a string ("NaN"), since JSON has none.
   *
   * @throws StorageError when the disk is full
   */
  append(record: { readonly step: number; readonly [key: string]: unknown }): void {
    const line = JSON.stringify(record, (_, item: unknown) =>
      typeof item === "number" && !Number.isFinite(item) ? String(item) : item,
    );
    this.#file.write(Buffer.from(`${line}\n`));
  }

  /** How long the log is: where a checkpoint goes on from. */
  get bytes(): number {
    return statSync(this.path).size;
  }

  /** Waits until every line is on the disk. */
  sync(): void {
    this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Reads metrics.jsonl, for pages: no run goes on from it. A last line without its newline is one being written, or torn, and is left out.
 *
 * @throws FormatError when there is no such file, or naming the line that is not a record
 */
export function readMetrics(path: string): MetricsRecord[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw readError(path, "a run's metrics", error);
  }
  return text
    .split("\n")
    .slice(0, -1)
    .map((line, index) => parseLine(path, line, index));
}

function parseLine(path: string, line: string, index: number): MetricsRecord {
  try {
    const record: unknown = JSON.parse(line);
    if (isJsonObject(record) && typeof record.step === "number") return { ...record, step: record.step };
  } catch {
    // Falls through: the line's number says more than the parser does.
  }
  throw new FormatError(path, `line ${index + 1}: expected a JSON object with a step. Remove the line to go on.`);
}
