import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AblateReportOptions, ablateReport, type DistillJob } from "../../src/experiments/ablate.js";
import { renderPage } from "../../src/pages/page.js";
import { ablateDocument } from "../../src/pages/reports/ablate.js";
import { reportText } from "../../src/pages/reports/reports.js";
import { distillRecipe } from "../../src/recipes/distill-recipe.js";
import { nano } from "../../src/recipes/nano.js";
import { entryOf, leaveReport, missing, noting, TASKS } from "./made-up.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-ablate-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Points that each variant loses; without L_mlm, half of the seeds lose and half gain. */
const figures = leaveReport(({ out, seed }) => {
  const noise = 0.05 * seed; // Shared by all variants: pairing takes it away.
  if (out.includes("no-ce")) return 0.37 + noise + 0.001 * seed;
  if (out.includes("no-mlm")) return 0.4 + noise + (seed % 2 === 0 ? 0.02 : -0.021);
  return 0.4 + noise;
});

const distilled: DistillJob[] = [];
const runDistill: AblateReportOptions["runDistill"] = async (job) => {
  distilled.push(job);
  mkdirSync(join(job.out, "model"), { recursive: true });
  writeFileSync(join(job.out, "model/config.json"), "{}");
  const lines = [0, 10, 20].map((step) =>
    JSON.stringify({ step, heldOutLoss: 5 - step / 10, heldOutAccuracy: step / 90 }),
  );
  writeFileSync(join(job.out, "metrics.jsonl"), `${lines.join("\n")}\n`);
  return { heldOut: { accuracy: 20 / 90 } };
};

let count = 0;
function optionsWith(changes: Partial<AblateReportOptions> = {}): AblateReportOptions {
  distilled.length = 0;
  return {
    recipe: nano,
    teacher: "teacher",
    tasks: [entryOf(TASKS.cola), missing(TASKS.mnli)],
    distillSeeds: [56],
    seeds: [1, 2, 3, 4],
    settings: { set: {} },
    out: join(folder, String(++count)),
    resume: false,
    keepModels: false,
    runDistill,
    runTask: figures,
    command: "limbeck ablate",
    observer: noting(),
    ...changes,
  };
}

describe("the five variants", () => {
  test("differ in one thing each, and in nothing else of the recipe", async () => {
    await ablateReport(optionsWith());
    const differences = distilled.map(({ recipe }) =>
      Object.entries(distillRecipe.parse(recipe)).filter(([key, value]) => {
        const own: unknown = nano[key as keyof typeof nano];
        return JSON.stringify(own) !== JSON.stringify(value);
      }),
    );
    expect(differences).toEqual([
      [],
      [["alphaCe", 0]],
      [["alphaCos", 0]],
      [["alphaMlm", 0]],
      [["initialisation", "random"]],
    ]);
  });

  test("are each fine-tuned from their own student", async () => {
    const models = new Set<string>();
    const options = optionsWith();
    await ablateReport({
      ...options,
      runTask: async (job) => {
        models.add(job.model);
        expect(existsSync(join(job.model, "config.json"))).toBe(true);
        await figures(job);
      },
    });
    expect([...models]).toEqual(
      ["full", "no-ce", "no-cos", "no-mlm", "random-start"].map((name) =>
        join(options.out, name, "distill-56/student/model"),
      ),
    );
  });

  test("are distilled with every distillation seed", async () => {
    await ablateReport(optionsWith({ distillSeeds: [56, 57] }));
    expect(distilled.map(({ recipe }) => recipe.seed)).toEqual([56, 57, 56, 57, 56, 57, 56, 57, 56, 57]);
  });
});

describe("a change", () => {
  test("is paired by seed, so that what seeds share is no noise", async () => {
    const { variants } = await ablateReport(optionsWith());
    const change = variants[1]?.change;
    // −3 points plus 0.1, 0.2, 0.3, 0.4: mean −2.75, deviation √(0.05 / 3).
    expect(change).toMatchObject({ count: 4, mean: expect.closeTo(-2.75, 9), isWithinNoise: false });
    expect(change?.deviation).toBeCloseTo(Math.sqrt(0.05 / 3), 9);
    expect(variants[1]?.macro.deviation).toBeGreaterThan(5); // Unpaired, the seeds would have hidden it.
    expect(variants[0]?.change).toBeNull();
  });

  test("below its spread is shown as noise, and the rule is stated", async () => {
    const options = optionsWith();
    const report = await ablateReport(options);
    expect(report.variants.map(({ change }) => change?.isWithinNoise)).toEqual([undefined, false, true, true, true]);
    const text = reportText(ablateDocument(report));
    expect(text).toMatch(/^without L_mlm +\d+\.\d+ ±\d+\.\d+ +−0\.05 +2\.37 +1\.18 +−0\.31 {2}within noise$/m);
    expect(text).toMatch(/^without L_ce .* −2\.75 +0\.13 +0\.06 +−2\.96$/m);
    expect(text).toContain("A change no larger than its spread is within noise.");
    expect(text).toContain("With one distillation of each, the spread does not hold how distillations differ");
    expect(text).toContain("No data was found for MNLI (no folder).");
  });

  test("of several distillations is paired by distillation", async () => {
    const report = await ablateReport(optionsWith({ distillSeeds: [1, 2, 3] }));
    expect(report.pairedBy).toBe("distillation seed");
    expect(report.variants[1]?.change).toMatchObject({ count: 3, mean: expect.closeTo(-2.75, 9) });
    expect(report.variants[1]?.tasks.cola?.count).toBe(12);
  });

  test("of several distillations has the spread of all its runs beside it, which judges nothing", async () => {
    const options = optionsWith({ distillSeeds: [1, 2, 3] });
    const report = await ablateReport(options);
    // The four differences of a student, three times over: Σ (d − mean)² is 3 · 0.05, over 12 − 1.
    const ofAll = Math.sqrt((3 * 0.05) / 11);
    expect(report.variants[1]?.changeOfAll).toMatchObject({ count: 12, deviation: expect.closeTo(ofAll, 9) });
    expect(report.variants[1]?.change?.deviation).toBeCloseTo(0, 9);
    const text = reportText(ablateDocument(report));
    expect(text).toMatch(/Change of the score, over 3 distillations of each and 4 fine-tunings a task/);
    expect(text).toMatch(/^without L_ce .* −2\.75 +0\.00 +0\.00 +0\.12 +−2\.96$/m);
    const page = renderPage(ablateDocument(report));
    expect(page).toContain("distilled 3 times (seeds 1, 2 and 3)");
    expect(page).toContain("4 times (seeds 1, 2, 3 and 4): 12 runs of each variant on each task");
  });

  test("of one run each is not judged", async () => {
    const options = optionsWith({ seeds: [1] });
    const report = await ablateReport(options);
    expect(report.variants[1]?.change).toMatchObject({ deviation: null, isWithinNoise: null });
    expect(ablateDocument(report).summary).toContain("not known");
  });
});

test("the page has the bars with their error bars, and the losses of the distillations", async () => {
  const page = renderPage(ablateDocument(await ablateReport(optionsWith())));
  expect(page.match(/class="error"/g)).toHaveLength(4);
  expect(page.match(/<polyline/g)).toHaveLength(10);
  expect(page.match(/ muted"><title>−0\.05 ±2\.37 within noise/g)).toHaveLength(1);
});

test("resumed after a failure, it distils and fine-tunes nothing twice", async () => {
  const options = optionsWith();
  let left = 6;
  const failing: AblateReportOptions["runTask"] = async (job) => {
    if (left-- === 0) throw new RangeError("the power failed");
    await figures(job);
  };
  await expect(ablateReport({ ...options, runTask: failing })).rejects.toThrow(RangeError);
  expect(distilled).toHaveLength(2);
  const observer = noting();
  await ablateReport({ ...options, resume: true, observer });
  expect(distilled).toHaveLength(5);
  const kept = observer.lines.filter((line) => line.startsWith("kept"));
  expect(kept).toHaveLength(2 + 6);
  expect(kept[0]).toBe("kept full triple loss: distillation");
  expect(observer.lines).toHaveLength(5 * (1 + 4));
});

test.each([
  [false, 5],
  [true, 5 + 20],
])("students stay without their checkpoints; fine-tuned models where they are kept: %s", async (keepModels, models) => {
  const options = optionsWith({ keepModels });
  await ablateReport({
    ...options,
    runDistill: async (job) => {
      mkdirSync(join(job.out, "checkpoints/step-9"), { recursive: true });
      return await runDistill(job);
    },
    runTask: async (job) => {
      await figures(job);
      mkdirSync(join(job.out, "model"));
    },
  });
  const paths = readdirSync(options.out, { recursive: true, encoding: "utf8" });
  expect(paths.filter((path) => path.endsWith("/model"))).toHaveLength(models);
  expect(paths.filter((path) => path.includes("checkpoints"))).toEqual([]);
});

test("another budget is not mixed in when it is resumed", async () => {
  const options = optionsWith();
  await ablateReport(options);
  await expect(ablateReport({ ...options, recipe: { ...nano, steps: 9 }, resume: true })).rejects.toThrow(
    /recipe\.steps/,
  );
});

test.each([
  [{ alphaCos: 0 }, /alphaCos: expected more than 0/],
  [{ initialisation: "random" }, /initialisation: expected teacher/],
] as const)("a recipe that leaves something out already is refused: %j", async (changes, message) => {
  await expect(ablateReport(optionsWith({ recipe: { ...nano, ...changes } }))).rejects.toThrow(message);
  expect(distilled).toEqual([]);
});
