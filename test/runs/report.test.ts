import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { finetuneNano } from "../../src/recipes/finetune-base.js";
import { type ReportOf, readReport, reportedTaskOf, reportHead, writeReport } from "../../src/runs/report.js";
import { TASKS } from "../experiments/made-up.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-report-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const finished = (): ReportOf<"finetune"> => ({
  ...reportHead({ command: "limbeck finetune", seeds: [7] }),
  ...{ kind: "finetune", task: reportedTaskOf(TASKS.mrpc), model: "a", teacher: null, step: 3, score: 0.5 },
  ...{ metrics: { validation: { f1: 0.5 } }, selection: null, trainExamples: 9, skippedRows: 0 },
  ...{ recipe: finetuneNano, elapsedMs: 5 },
});

test("a report comes back as it was written, with one time stamp", () => {
  const report = finished();
  writeReport(folder, report);
  expect(readReport(folder, "finetune")).toEqual(report);
  expect(report.provenance.date).toBe(new Date(report.provenance.date).toISOString());
  expect(JSON.parse(readFileSync(join(folder, "report.json"), "utf8"))).toMatchObject({ schemaVersion: 1, seeds: [7] });
});

describe("in one line is refused", () => {
  const refusal = (change: (json: Record<string, unknown>) => void) => {
    const json: Record<string, unknown> = { ...finished() };
    change(json);
    writeFileSync(join(folder, "report.json"), JSON.stringify(json));
    try {
      readReport(folder, "finetune");
    } catch (error) {
      return (error as Error).message;
    }
    return expect.unreachable();
  };

  test.each<[what: string, change: (json: Record<string, unknown>) => void, words: RegExp]>([
    ["one of before", (json) => delete json.schemaVersion, /expected schemaVersion 1, got none: an earlier Limbeck/],
    ["one of later", (json) => (json.schemaVersion = 2), /expected schemaVersion 1, got 2\. Delete .* to repeat it\.$/],
    ["another kind", (json) => (json.kind = "glue"), /expected the report of finetune, got that of glue\./],
    ["a damaged one", (json) => (json.step = "three"), /step: .*number.*Delete .* to repeat it\.$/],
    ["one without a figure", (json) => delete json.metrics, /metrics: /],
  ])("%s", (_, change, words) => {
    const message = refusal(change);
    expect(message).toMatch(words);
    expect(message).toMatch(/^\S*report\.json: [^\n]+$/);
  });
});
