import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GlueOptions, glueReport } from "../../src/experiments/glue.js";
import { modelNames } from "../../src/experiments/task-runs.js";
import { renderPage } from "../../src/pages/page.js";
import { glueDocument } from "../../src/pages/reports/glue.js";
import { reportText } from "../../src/pages/reports/reports.js";
import { scoresWords } from "../../src/pages/reports/scores.js";
import { type ReportOf, readReport, reportedTaskOf } from "../../src/runs/report.js";
import { entryOf, leaveReport, missing, noting, TASKS } from "./made-up.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-glue-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
/** The student has half of the teacher's figures, which grow with the seed; matched is better than mismatched. */
const figures = leaveReport(
  ({ model, seed }, metric, split) =>
    (model === "teacher" ? 0.8 : 0.4) +
    0.01 * (seed - 2) +
    (metric === "f1" ? 0.1 : 0) +
    (/_matched/.test(split) ? 0.02 : 0),
);

function optionsWith(changes: Partial<GlueOptions> = {}): GlueOptions {
  return {
    model: "students/a/model",
    compare: "teacher",
    tasks: [entryOf(TASKS.cola), entryOf(TASKS.mnli), missing(TASKS.mrpc)],
    seeds: [1, 2, 3],
    settings: { set: {} },
    out: join(folder, String(++count)),
    resume: false,
    keepModels: false,
    runTask: figures,
    latenciesMs: null,
    command: "limbeck glue",
    observer: noting(),
    ...changes,
  };
}

const tableOf = (report: ReportOf<"glue">) => reportText(glueDocument(report));

test("a score is the mean over tasks of medians over seeds, and the share kept is by task and overall", async () => {
  const { student, teacher, kept } = await glueReport(optionsWith());
  // CoLA 40 and 80; MNLI the mean of 42 and 40, and of 82 and 80; the seeds ±1.
  expect(student.tasks.map(({ score }) => score.median)).toEqual([expect.closeTo(40, 9), expect.closeTo(41, 9)]);
  expect(student.macro).toBeCloseTo(40.5, 9);
  expect(teacher?.macro).toBeCloseTo(80.5, 9);
  expect(student.macroSpread).toMatchObject({ count: 3, deviation: expect.closeTo(1, 9) });
  expect(kept?.macro).toBeCloseTo(40.5 / 80.5, 9);
  expect(kept?.tasks).toEqual({ cola: expect.closeTo(0.5, 9), mnli: expect.closeTo(41 / 81, 9) });
});

test("a task whose figures are two counts their mean, and every figure has its row", async () => {
  const options = optionsWith({ tasks: [entryOf(TASKS.mrpc)] });
  const report = await glueReport(options);
  expect(report.student.tasks[0]?.score.median).toBeCloseTo(45, 9);
  const text = tableOf(report);
  expect(text).toMatch(/^MRPC +accuracy +a +40\.0 +40\.0 ±1\.0 +39\.0 +41\.0 +3$/m);
  expect(text).toMatch(/^MRPC +F1 +a +50\.0 /m);
  expect(text).toContain("mean of accuracy and F1 for MRPC");
});

test("a missing task is named, and its column is empty", async () => {
  const options = optionsWith();
  const report = await glueReport(options);
  const text = tableOf(report);
  expect(report.tasks.map(({ missing }) => missing)).toEqual([null, null, "no folder"]);
  expect(text).toMatch(/^ +Score +CoLA +MNLI +MRPC$/m);
  expect(text).toMatch(/^a +40\.5 +40\.0 +41\.0 +—$/m);
  expect(text).toMatch(/^kept, % +50\.3 +50\.0 +50\.6 +—$/m);
  expect(text).toContain("No data was found for MRPC (no folder): the score is without what is missing.");
});

test("the paper's rows are scored over the same tasks", async () => {
  const options = optionsWith();
  const text = tableOf(await glueReport(options));
  expect(text).toMatch(/^paper: BERT-base +71\.5 +56\.3 +86\.7 +88\.6$/m); // (56.3 + 86.7) / 2
  expect(text).toContain("Over all nine it prints 68.7 for ELMo, 79.5 for BERT-base and 77.0 for DistilBERT.");
});

test("every model is fine-tuned on every task that is there, with every seed, in a folder of its own", async () => {
  const options = optionsWith({ observer: noting() });
  await glueReport(options);
  for (const run of ["a/cola/seed-1", "a/mnli/seed-3", "teacher/cola/seed-2", "teacher/mnli/seed-1"]) {
    expect(existsSync(join(options.out, run, "report.json"))).toBe(true);
  }
  const { lines } = options.observer as ReturnType<typeof noting>;
  expect(lines).toHaveLength(2 * 2 * 3);
  expect(lines[0]).toBe("0/12 a CoLA seed 1");
});

test("report.json is left, the very value that the page is made of, with the command, the version and the seeds", async () => {
  const options = optionsWith();
  const report = await glueReport(options);
  expect(report).toMatchObject({ schemaVersion: 1, kind: "glue", seeds: [1, 2, 3] });
  expect(report.provenance).toMatchObject({ command: "limbeck glue", version: expect.any(String) });
  expect(readReport(options.out, "glue")).toEqual(report);
  expect(existsSync(join(options.out, "report.html"))).toBe(false); // Whoever called it makes that.
  const page = renderPage(glueDocument(report));
  expect(page).toContain("<polyline"); // The losses were read from the runs.
  expect(page).toContain("a keeps 50.3 % of the score of teacher");
});

test("resumed, it repeats nothing that is finished, and takes more seeds", async () => {
  const options = optionsWith({ seeds: [1, 2] });
  let left = 3;
  const failing: GlueOptions["runTask"] = async (job) => {
    if (left-- === 0) throw new RangeError("the power failed");
    await figures(job);
  };
  await expect(glueReport({ ...options, runTask: failing })).rejects.toThrow(RangeError);
  expect(existsSync(join(options.out, "report.json"))).toBe(false);
  const observer = noting();
  await glueReport({ ...options, resume: true, observer });
  expect(observer.lines.filter((line) => line.startsWith("kept"))).toEqual([
    "kept a CoLA seed 1",
    "kept a CoLA seed 2",
    "kept a MNLI seed 1",
  ]);
  expect(observer.lines).toHaveLength(8);
  const more = noting();
  const { student } = await glueReport({ ...options, seeds: [1, 2, 3], resume: true, observer: more });
  expect(more.lines.filter((line) => !line.startsWith("kept"))).toHaveLength(4);
  expect(student.macroSpread.count).toBe(3);
});

describe("of the fine-tuned models", () => {
  /** Leaves a model and checkpoints too; seed 3 is the best. */
  const withModel: GlueOptions["runTask"] = async (job) => {
    await figures(job);
    for (const name of ["model", "checkpoints/step-9"]) mkdirSync(join(job.out, name), { recursive: true });
  };
  const modelsIn = (out: string) =>
    readdirSync(out, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith("/model"))
      .sort();
  const best = ["a/cola/seed-3/model", "a/mnli/seed-3/model", "teacher/cola/seed-3/model", "teacher/mnli/seed-3/model"];

  test("that of the best seed stays, of each model and task; no checkpoint does", async () => {
    const options = optionsWith({ runTask: withModel });
    await glueReport(options);
    expect(modelsIn(options.out)).toEqual(best);
    expect(existsSync(join(options.out, "a/cola/seed-3/checkpoints"))).toBe(false);
    expect(existsSync(join(options.out, "a/cola/seed-1/metrics.jsonl"))).toBe(true);
  });

  test("all stay when they are to be kept", async () => {
    const options = optionsWith({ runTask: withModel, keepModels: true });
    await glueReport(options);
    expect(modelsIn(options.out)).toHaveLength(2 * 2 * 3);
  });

  test("none that will be needed goes, whenever it is cut short", async () => {
    const options = optionsWith({ runTask: withModel, compare: null, tasks: [entryOf(TASKS.cola)] });
    const failing: GlueOptions["runTask"] = async (job) => {
      await withModel(job);
      if (job.seed === 2) throw new RangeError("the power failed"); // Its report is there, nothing was removed.
    };
    await expect(glueReport({ ...options, runTask: failing })).rejects.toThrow(RangeError);
    expect(modelsIn(options.out)).toEqual(["a/cola/seed-1/model", "a/cola/seed-2/model"]);
    const ran: number[] = [];
    const runTask: GlueOptions["runTask"] = async (job) => {
      ran.push(job.seed);
      expect(modelsIn(options.out)).toEqual(["a/cola/seed-2/model"]);
      await withModel(job);
    };
    await glueReport({ ...options, resume: true, runTask });
    expect(ran).toEqual([3]);
    expect(modelsIn(options.out)).toEqual(["a/cola/seed-3/model"]);
  });
});

test("it is not begun in a folder that holds something else, nor resumed with other settings or another model", async () => {
  const options = optionsWith();
  mkdirSync(options.out);
  writeFileSync(join(options.out, "thesis.txt"), "years of work");
  await expect(glueReport(options)).rejects.toThrow(/got one with "thesis\.txt"/);
  rmSync(join(options.out, "thesis.txt"));
  await glueReport(options);
  await expect(glueReport(options)).rejects.toThrow(/--resume/);
  const set = { set: { steps: 9 } };
  await expect(glueReport({ ...options, settings: set, resume: true })).rejects.toThrow(/set\.steps/);
  const other = { ...options, model: "elsewhere/a/model", resume: true };
  await expect(glueReport(other)).rejects.toThrow(/expected model elsewhere\/a\/model, got students\/a\/model/);
});

test("a run without its score is refused, naming the file", async () => {
  const runTask: GlueOptions["runTask"] = async (job) => {
    await figures(job);
    const path = join(job.out, "report.json");
    const report = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...report, metrics: { validation: {} } }));
  };
  await expect(glueReport(optionsWith({ runTask }))).rejects.toThrow(
    /seed-1\/report\.json: expected metrics\.validation\.matthews, got nothing/,
  );
});

test("no data at all is refused, naming what was looked for", async () => {
  const tasks = [missing(TASKS.cola), missing(TASKS.mnli)];
  await expect(glueReport(optionsWith({ tasks }))).rejects.toThrow(
    /--data: .*got CoLA \(no folder\), MNLI \(no folder\)/,
  );
});

test("without a teacher nothing is kept", async () => {
  const options = optionsWith({ compare: null, seeds: [2] });
  const report = await glueReport(options);
  expect(report).toMatchObject({ teacher: null, kept: null });
  expect(tableOf(report)).not.toMatch(/^kept/m);
});

test("latency makes a scatter of quality against it", async () => {
  const options = optionsWith({
    latenciesMs: async (models) => models.map((model) => (model === "teacher" ? 20 : 10)),
  });
  const report = await glueReport(options);
  expect(report).toMatchObject({ student: { latencyMs: 10 }, teacher: { latencyMs: 20 } });
  expect(renderPage(glueDocument(report))).toContain("Quality against latency");
});

test("models are named by what tells them apart", () => {
  expect(modelNames(["runs/tiny/model", "google-bert/bert-base"])).toEqual(["tiny", "bert-base"]);
  expect(modelNames(["a/x/model/", "b/x"])).toEqual(["x", "x-2"]);
});

test("what scores are is said once for tasks of a kind", () => {
  expect(scoresWords([TASKS.cola, TASKS.mnli, { ...TASKS.cola, title: "Other" }].map(reportedTaskOf))).toBe(
    "Matthews correlation for CoLA and Other; accuracy, mean of matched and mismatched for MNLI",
  );
});
