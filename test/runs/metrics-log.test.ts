import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FormatError } from "../../src/errors.js";
import { MetricsLog, readMetrics } from "../../src/runs/metrics-log.js";
import { temporaryFolder } from "../storage/temporary-folder.js";

/** A log with a line for each of these steps. */
function logOf(steps: readonly number[]): string {
  const path = join(temporaryFolder(), "metrics.jsonl");
  using log = new MetricsLog(path, 0);
  for (const step of steps) log.append({ step, loss: step / 4 });
  return path;
}

test("is one JSON object a line", () => {
  expect(readFileSync(logOf([1, 2]), "utf8")).toBe('{"step":1,"loss":0.25}\n{"step":2,"loss":0.5}\n');
});

test("resumed after some of its bytes, forgets later lines, and reads as one uninterrupted run", () => {
  const path = logOf([1, 2, 3, 4]);
  using log = new MetricsLog(path, Buffer.byteLength(readFileSync(logOf([1, 2]))));
  log.append({ step: 3, loss: 9 });
  expect(readMetrics(path)).toEqual([
    { step: 1, loss: 0.25 },
    { step: 2, loss: 0.5 },
    { step: 3, loss: 9 },
  ]);
});

test("tells how long it is, from where a run goes on", () => {
  const path = join(temporaryFolder(), "metrics.jsonl");
  using log = new MetricsLog(path, 0);
  expect(log.bytes).toBe(0);
  log.append({ step: 1, loss: 0.25 });
  expect(log.bytes).toBe('{"step":1,"loss":0.25}\n'.length);
});

test("started afresh, forgets every line, that of step 0 too", () => {
  const path = logOf([0, 1]);
  new MetricsLog(path, 0).close();
  expect(readFileSync(path, "utf8")).toBe("");
});

test("drops a last line that a kill has torn", () => {
  const path = logOf([1]);
  appendFileSync(path, '{"step":2,"lo');
  expect(readMetrics(path)).toHaveLength(1);
  using log = new MetricsLog(path, readFileSync(logOf([1])).byteLength);
  log.append({ step: 2 });
  expect(readFileSync(path, "utf8")).toBe('{"step":1,"loss":0.25}\n{"step":2}\n');
});

test("a number that is not finite is kept as a word", () => {
  const path = join(temporaryFolder(), "metrics.jsonl");
  using log = new MetricsLog(path, 0);
  log.append({ step: 1, loss: Number.NaN, rate: Number.POSITIVE_INFINITY });
  expect(readMetrics(path)).toEqual([{ step: 1, loss: "NaN", rate: "Infinity" }]);
});

test("names a line that is not a record", () => {
  const path = join(temporaryFolder(), "metrics.jsonl");
  writeFileSync(path, '{"step":1}\nnot json\n{"step":3}\n');
  expect(() => readMetrics(path)).toThrow(FormatError);
  expect(() => readMetrics(path)).toThrow("line 2: expected a JSON object with a step. Remove the line to go on.");
});

test("a file that is not there is an error in one line", () => {
  const path = join(temporaryFolder(), "metrics.jsonl");
  expect(() => readMetrics(path)).toThrow(`${path}: expected a run's metrics, got nothing there. Check the path.`);
});
