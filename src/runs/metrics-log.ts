import { existsSync, readFileSync, truncateSync } from "node:fs";
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
   * Opens the log so that it reads as one uninterrupted run up to `lastStep`: later lines, and a last line that a kill
   * has torn, are dropped.
   *
   * @param lastStep the step of the checkpoint the run goes on from; null when it starts from the start
   * @throws FormatError when an earlier line is not a record
   */
  constructor(path: string, lastStep: number | null) {
    this.path = path;
    if (existsSync(path)) truncateAfter(path, lastStep ?? Number.NEGATIVE_INFINITY);
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
 * Reads metrics.jsonl; a last line without its newline is one being written, or torn, and is left out.
 *
 * @throws FormatError when there is no such file, or naming the line that is not a record
 */
export function readMetrics(path: string): MetricsRecord[] {
  return completeLines(readText(path)).map((line, index) => parseLine(path, line, index));
}

/** Cuts the file before the first line beyond `lastStep`: steps only grow, and cutting works on a full disk too. */
function truncateAfter(path: string, lastStep: number): void {
  const text = readText(path);
  const lines = completeLines(text);
  const firstBeyond = lines.findIndex((line, index) => parseLine(path, line, index).step > lastStep);
  const kept = firstBeyond < 0 ? lines : lines.slice(0, firstBeyond);
  const keptBytes = Buffer.byteLength(kept.map((line) => `${line}\n`).join(""));
  if (keptBytes < Buffer.byteLength(text)) truncateSync(path, keptBytes);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw readError(path, "a run's metrics", error);
  }
}

function completeLines(text: string): string[] {
  return text.split("\n").slice(0, -1);
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
