import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { spreadOf } from "../../../src/experiments/statistics.js";
import { renderPage } from "../../../src/pages/page.js";
import { finetuneDocument } from "../../../src/pages/reports/finetune.js";
import { reportText, writePage } from "../../../src/pages/reports/reports.js";
import { seedsDocument } from "../../../src/pages/reports/seeds.js";
import { finetuneNano, squadNano } from "../../../src/recipes/finetune-base.js";
import { type ReportOf, readReport, reportedTaskOf, reportHead, writeReport } from "../../../src/runs/report.js";
import { TASKS } from "../../experiments/made-up.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-finetune-report-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A finished run of MRPC whose second evaluation of three was the best. */
function runWith(name: string, changes: Partial<ReportOf<"finetune">> = {}, evaluations = 3): string {
  const run = join(folder, name);
  mkdirSync(run);
  writeReport(run, {
    ...reportHead({ command: "limbeck finetune --out written", seeds: [1] }),
    ...{ kind: "finetune", task: reportedTaskOf(TASKS.mrpc), model: "students/a", teacher: null, step: 20, score: 0.8 },
    ...{ metrics: { validation: { accuracy: 0.75, f1: 0.85 } }, selection: null, trainExamples: 3668, skippedRows: 0 },
    ...{ recipe: finetuneNano, elapsedMs: 90_000, ...changes },
  });
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

const documentOf = (run: string) => finetuneDocument(readReport(run, "finetune"), run);

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
    const facts = (name: string, changes: Parameters<typeof runWith>[1]) =>
      documentOf(runWith(name, changes))
        .blocks.flatMap((block) => (block.kind === "facts" ? block.facts : []))
        .map(([key]) => key);
    const texts = facts("facts", {});
    expect(texts).toContain("peakLearningRate");
    expect(texts).not.toContain("windowStride");
    expect(texts).not.toContain("temperature");
    const task = { ...reportedTaskOf(TASKS.mrpc), kind: "question-answering" } as const;
    const answered = facts("questions", { task, recipe: squadNano, teacher: "bert", skippedRows: 2 });
    expect(answered).toEqual(expect.arrayContaining(["windowStride", "temperature", "teacher", "left out"]));
    expect(answered).not.toContain("nullThreshold");
  });

  test("is written beside report.json, which says the command and stays as it is", () => {
    const run = runWith("written");
    const before = readFileSync(join(run, "report.json"), "utf8");
    writePage(run, readReport(run, "finetune"));
    expect(readFileSync(join(run, "report.html"), "utf8")).toContain("limbeck finetune --out written");
    expect(readFileSync(join(run, "report.json"), "utf8")).toBe(before);
  });
});

describe("the page of several seeds", () => {
  const seedsOf = (name: string): ReportOf<"finetune-seeds"> => {
    const scores = [0.7, 0.9, 0.8];
    const runs = scores.map((score, i) => {
      const metrics = { validation: { accuracy: score - 0.05, f1: score + 0.05 } };
      const run = runWith(`${name}-${i + 1}`, { score, metrics });
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
      ...reportHead({ command: null, seeds: [1, 2, 3] }),
      ...{ kind: "finetune-seeds", task: reportedTaskOf(TASKS.mrpc), startedFrom: "a", teacher: null, runs },
      recipe: finetuneNano,
      ...{ score: spreadOf(scores), best: 2, model: join(folder, "model") },
    };
  };

  test("says the median and its spread, and whose model is kept", () => {
    const { summary } = seedsDocument(seedsOf("said"));
    expect(summary).toBe(
      "The median of 3 seeds is 80.0 ±10.0 (mean of accuracy and F1). The model that is kept is that of seed 2, the best.",
    );
  });

  test("has a row for each seed, the spread of each figure, and a line for each seed", () => {
    const document = seedsDocument(seedsOf("rows"));
    const text = reportText(document);
    expect(text).toMatch(/^2 +85\.0 +95\.0 +20 {2}kept$/m);
    expect(text).toMatch(/^accuracy +75\.0 +75\.0 ±10\.0 +65\.0 +85\.0$/m);
    expect(renderPage(document).match(/<polyline/g)).toHaveLength(4 * 3);
  });
});
