import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SeedsReport } from "../../../src/experiments/seeds.js";
import { spreadOf } from "../../../src/experiments/statistics.js";
import { renderPage } from "../../../src/pages/page.js";
import { writeFinetuneReport } from "../../../src/pages/reports/finetune.js";
import { finetuneDocument } from "../../../src/pages/reports/finetune-document.js";
import { seedsDocument } from "../../../src/pages/reports/seeds-document.js";
import { reportText } from "../../../src/pages/write.js";
import { finetuneNano, squadNano } from "../../../src/recipes/finetune-base.js";
import { readRunReport } from "../../../src/tasks/run-report.js";
import { TASKS } from "../../experiments/made-up.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-finetune-report-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const PROVENANCE = { version: "1", command: null, date: "2026-01-02T03:04:05.000Z", seeds: [1] };

/** A finished run of MRPC whose second evaluation of three was the best. */
function runWith(name: string, changes: object = {}, evaluations = 3): string {
  const run = join(folder, name);
  mkdirSync(run);
  const report = {
    ...{ kind: "finetune", task: "mrpc", model: "students/a", teacher: null, step: 20, score: 0.8, seed: 1 },
    ...{ metrics: { validation: { accuracy: 0.75, f1: 0.85 } }, trainExamples: 3668, skippedRows: 0 },
    ...{ recipe: finetuneNano, elapsedMs: 90_000, ...changes },
  };
  writeFileSync(join(run, "report.json"), JSON.stringify(report));
  const steps = Array.from({ length: 10 * evaluations }, (_, i) => ({
    step: i + 1,
    loss: 1 / (i + 1),
    hard: 2,
    soft: 3,
  }));
  const heldOut = Array.from({ length: evaluations }, (_, i) => {
    const score = i === 1 ? 0.8 : 0.6;
    return {
      step: 10 * (i + 1),
      heldOutLoss: 0.5,
      heldOutScore: score,
      heldOutAccuracy: score - 0.05,
      heldOutF1: score,
    };
  });
  writeFileSync(join(run, "metrics.jsonl"), [...steps, ...heldOut].map((line) => `${JSON.stringify(line)}\n`).join(""));
  return run;
}

const documentOf = (run: string, task: Parameters<typeof finetuneDocument>[2] = TASKS.mrpc) =>
  finetuneDocument(run, readRunReport(run), task, PROVENANCE);

describe("the page of a fine-tuning", () => {
  test("says what came out of which weights, and how they were chosen", () => {
    const { summary, highlights } = documentOf(runWith("summary"));
    expect(summary).toBe(
      "Accuracy 75.0 and F1 85.0 on the validation set, with the weights after step 20, the best of 3 evaluations.",
    );
    expect(highlights.map(({ value }) => value)).toEqual(["75.0", "85.0", "0.500", "3,668"]);
    const last = runWith("last", { recipe: { ...finetuneNano, keep: "last" } });
    expect(documentOf(last).summary).toMatch(/after step 20\.$/);
  });

  test("says what chose the weights where that is not what the figures are of", () => {
    const selection = { split: "validation", title: "a part of the training set", exampleCount: 400 };
    const changes = { selection, metrics: { test: { accuracy: 0.7 } } };
    const document = documentOf(runWith("selected", changes));
    expect(document.summary).toBe(
      "Accuracy 70.0 on the test set, with the weights after step 20, the best of 3 evaluations on a part of the training set.",
    );
    expect(reportText(document)).toContain("Evaluations on a part of the training set");
  });

  test("draws every figure and the losses over the steps", () => {
    const page = renderPage(documentOf(runWith("curves")));
    expect(page.match(/<polyline/g)).toHaveLength(2 + 2); // Accuracy and F1; training and evaluation.
    for (const word of ["accuracy", "F1", "training", "evaluation"]) expect(page).toContain(`<span>${word}</span>`);
    const taught = renderPage(documentOf(runWith("taught", { teacher: "bert" })));
    expect(taught.match(/<polyline/g)).toHaveLength(2 + 4); // And the losses on labels and on the teacher.
  });

  test("tells the evaluations, that whose weights were kept among them", () => {
    const text = reportText(documentOf(runWith("evaluations")));
    expect(text).toMatch(/^20 +75\.0 +80\.0 +0\.500 {2}kept$/m);
    expect(text).toMatch(/^30 +55\.0 +60\.0 +0\.500$/m);
    const many = reportText(documentOf(runWith("many", {}, 100)));
    expect(many.match(/ 0\.500/g)).toHaveLength(20 + 1);
    expect(many).toMatch(/^20 +.*kept$/m);
    expect(many).toContain("100 evaluations in all.");
  });

  test("has the values of the recipe that came to something", () => {
    const facts = (task: Parameters<typeof documentOf>[1], changes: object, name: string) =>
      documentOf(runWith(name, changes), task)
        .blocks.flatMap((block) => (block.kind === "facts" ? block.facts : []))
        .map(([key]) => key);
    const texts = facts(TASKS.mrpc, {}, "facts");
    expect(texts).toContain("peakLearningRate");
    expect(texts).not.toContain("windowStride");
    expect(texts).not.toContain("temperature");
    const questions = { ...TASKS.mrpc, kind: "question-answering", hasUnanswerable: false } as const;
    const answered = facts(questions, { recipe: squadNano, teacher: "bert", skippedRows: 2 }, "questions");
    expect(answered).toEqual(expect.arrayContaining(["windowStride", "temperature", "teacher", "left out"]));
    expect(answered).not.toContain("nullThreshold");
  });

  test("is written beside report.json, which is told the command, and stays when the run is found finished", () => {
    const run = runWith("written");
    const read = (name: string) => readFileSync(join(run, name), "utf8");
    writeFinetuneReport(run, { task: TASKS.mrpc, command: "limbeck finetune --out written" });
    expect(JSON.parse(read("report.json"))).toMatchObject({ score: 0.8, command: "limbeck finetune --out written" });
    const page = read("report.html");
    expect(page).toContain("Fine-tuned on");
    writeFinetuneReport(run, { task: TASKS.mrpc, command: "limbeck finetune --resume" });
    expect(read("report.html")).toBe(page);
    expect(read("report.json")).not.toContain("--resume");
  });
});

describe("the page of several seeds", () => {
  const seedsOf = (name: string): SeedsReport => {
    const scores = [0.7, 0.9, 0.8];
    const runs = scores.map((score, i) => {
      const metrics = { validation: { accuracy: score - 0.05, f1: score + 0.05 } };
      const run = runWith(`${name}-${i + 1}`, { score, metrics, seed: i + 1 });
      return {
        run,
        model: "",
        task: "mrpc",
        step: 20,
        score,
        metrics,
        selection: null,
        trainExamples: 3668,
        skippedRows: 0,
      };
    });
    return {
      ...{ kind: "finetune-seeds", task: "mrpc", startedFrom: "a", teacher: null, seeds: [1, 2, 3], runs },
      ...{ score: spreadOf(scores), best: 2, model: join(folder, "model") },
    };
  };

  test("says the median and its spread, and whose model is kept", () => {
    const { summary } = seedsDocument(seedsOf("said"), TASKS.mrpc, PROVENANCE);
    expect(summary).toBe(
      "The median of 3 seeds is 80.0 ±10.0 (mean of accuracy and F1). The model that is kept is that of seed 2, the best.",
    );
  });

  test("has a row for each seed, the spread of each figure, and a line for each seed", () => {
    const document = seedsDocument(seedsOf("rows"), TASKS.mrpc, PROVENANCE);
    const text = reportText(document);
    expect(text).toMatch(/^2 +85\.0 +95\.0 +20 {2}kept$/m);
    expect(text).toMatch(/^accuracy +75\.0 +75\.0 ±10\.0 +65\.0 +85\.0$/m);
    expect(renderPage(document).match(/<polyline/g)).toHaveLength(4 * 3);
  });
});
