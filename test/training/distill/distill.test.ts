import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadMaskedLm } from "../../../src/hub/model-loading.js";
import type { DistillRecipe } from "../../../src/recipes/distill-recipe.js";
import { readMetrics } from "../../../src/runs/metrics-log.js";
import { type DistillResult, distill } from "../../../src/training/distill/distill.js";
import type { HeldOutResult } from "../../../src/training/loop/evaluate-held-out.js";
import { pretrain } from "../../../src/training/pretrain/pretrain.js";
import { type Attempt, type Job, optionsOf, runJob } from "../loop/jobs.js";
import { smallPretraining } from "../loop/recipes.js";
import { smallCorpus } from "../loop/small-corpus.js";
import { tripleLoss } from "./recipes.js";

const cadence = { logEverySteps: 10, evaluateEverySteps: 1000, saveEverySteps: 1000 };
const steps = { stepSequences: 16, microBatchTokens: 384 };

/** Four layers, trained until it guesses by the topic; uniform within a topic is ln 6 = 1.8 nats, without one ln 48. */
const teacherRecipe = {
  ...{ ...smallPretraining, ...steps, layers: 4, hiddenSize: 32, intermediateSize: 64 },
  ...{ dropout: 0, steps: 200, peakLearningRate: 5e-3 },
};
const studentRecipe: DistillRecipe = { ...tripleLoss, ...steps, steps: 60, peakLearningRate: 3e-3 };

let folder: string;
let data: string;
let teacher: string;
const heldOutSequences = 60;

/** Held-out loss at the start and at the end. */
interface Course {
  start: number;
  end: number;
}

async function courseOf(job: Job, attempt: Attempt): Promise<Course> {
  const evaluated: HeldOutResult[] = [];
  const observer = { evaluation: (_: number, result: HeldOutResult) => void evaluated.push(result) };
  await runJob(job, { ...attempt, cadence, observer });
  return { start: evaluated.at(0)?.loss ?? Number.NaN, end: evaluated.at(-1)?.loss ?? Number.NaN };
}

let taught: Course;
let student: Course;
let control: Course;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-distill-"));
  ({ data } = await smallCorpus(folder));
  taught = await courseOf({ data, recipe: teacherRecipe, heldOutSequences }, { out: join(folder, "teacher") });
  teacher = join(folder, "teacher/model");
  const job = { data, teacher, heldOutSequences };
  student = await courseOf({ ...job, recipe: studentRecipe }, { out: join(folder, "student") });
  const alone: DistillRecipe = { ...studentRecipe, initialisation: "random", alphaCe: 0, alphaCos: 0 };
  control = await courseOf({ ...job, recipe: alone }, { out: join(folder, "control") });
});
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * How much of the way from its start to its teacher's loss a student has gone: all of it, give or take, as it was
 * measured. The loss is a mean over some 200 masked tokens, so a tenth of a nat, a fifth of this way, is chance.
 */
const wayGone = ({ start, end }: Course) => (start - end) / (start - taught.end);

test("a teacher learns", () => {
  expect(taught.end).toBeLessThan(taught.start - 1.5);
});

test("its student learns from it, and beats one of the same shape that learns the same steps alone", () => {
  expect(student.start).toBeLessThan(control.start);
  expect(wayGone(student)).toBeGreaterThan(0.5);
  expect(student.end).toBeLessThan(control.end - 0.5);
  expect(student.end).toBeLessThan(taught.end + 0.3);
});

describe("a run", () => {
  test("tells the teacher's quality, which is the pretraining's own, and the student's", async () => {
    const told: HeldOutResult[] = [];
    const job: Job = { data, teacher, recipe: studentRecipe, heldOutSequences };
    const silent = { estimate() {}, step() {}, evaluation() {}, saved() {} };
    const result: DistillResult = await distill({
      ...{ ...optionsOf(job, { out: join(folder, "student"), resume: true }), recipe: studentRecipe, teacher },
      observer: silent,
      onTeacher: (heldOut) => told.push(heldOut),
    });
    expect(told).toEqual([result.teacherHeldOut]);
    expect(result.teacherHeldOut.loss).toBeCloseTo(taught.end, 5);
    expect(result.heldOut.loss).toBeCloseTo(student.end, 5);
    expect(result).toMatchObject({ run: join(folder, "student"), model: join(folder, "student/model") });
  });

  test("writes recipe, metrics, TensorBoard events, checkpoints and the model", () => {
    const names = readdirSync(join(folder, "student")).map((name) =>
      name.replace(/^(events\.out\.tfevents)\..*/, "$1"),
    );
    expect(new Set(names)).toEqual(
      new Set([
        "recipe.json",
        "environment.json",
        "sources.json",
        "metrics.jsonl",
        "events.out.tfevents",
        "checkpoints",
        "model",
      ]),
    );
    expect(JSON.parse(readFileSync(join(folder, "student/recipe.json"), "utf8"))).toEqual(studentRecipe);
    expect(readdirSync(join(folder, "student/checkpoints"))).toEqual(["step-60"]);
  });

  test("writes a line of metrics at every logged step and every evaluation", () => {
    const metrics = readMetrics(join(folder, "student/metrics.jsonl"));
    expect(metrics.map(({ step }) => step)).toEqual([0, 10, 20, 30, 40, 50, 60, 60]);
    for (const record of metrics) {
      const keys =
        "heldOutLoss" in record
          ? ["step", "heldOutLoss", "heldOutAccuracy"]
          : ["step", "loss", "ce", "mlm", "cos", "learningRate", "gradientNorm", "tokens", "tokensPerSecond"];
      expect(Object.keys(record)).toEqual(keys);
      expect(Object.values(record).every(Number.isFinite)).toBe(true);
    }
    const { loss, ce, mlm, cos, tokens } = metrics[1] as unknown as Record<string, number>;
    expect(loss).toBeCloseTo(5 * (ce ?? 0) + 2 * (mlm ?? 0) + (cos ?? 0), 9);
    expect(tokens).toBe(10 * 16 * 24);
  });

  test("warms up, then decays to the last step", () => {
    const metrics = readMetrics(join(folder, "student/metrics.jsonl")).filter((record) => "learningRate" in record);
    const expected = [10, 20, 30, 40, 50, 60].map((step) => (3e-3 * (60 - (step - 1))) / (60 - 6));
    for (const [i, rate] of expected.entries()) expect(metrics[i]?.learningRate).toBeCloseTo(rate, 9);
  });

  test("gives a DistilBERT that predicts masked tokens, with its teacher's tokenizer and a card", async () => {
    const loaded = await loadMaskedLm(join(folder, "student/model"), { device: "cpu", productDType: "float32" });
    using model = loaded.model;
    expect(model.config).toMatchObject({ family: "distilbert", layers: 2, hiddenSize: 32, tokenTypes: 0 });
    const given = await loadMaskedLm(teacher, { device: "cpu", productDType: "float32" });
    given.model.dispose();
    expect(loaded.tokenizer.hash).toBe(given.tokenizer.hash);
    const card = readFileSync(join(folder, "student/model/README.md"), "utf8");
    expect(card).toMatch(/\| held-out masked-token accuracy, student \| \d+\.\d\d % \|/);
    expect(card).toContain('"temperature": 2');
  });
});

test("in bf16 a student learns as in f32", async () => {
  const recipe: DistillRecipe = { ...studentRecipe, precision: "bfloat16" };
  const { start, end } = await courseOf({ data, teacher, recipe, heldOutSequences }, { out: join(folder, "bf16") });
  expect(start).toBeCloseTo(student.start, 1);
  expect(Math.abs(end - student.end)).toBeLessThan(0.1);
});

test("a student may be distilled further, by a student", async () => {
  const recipe: DistillRecipe = { ...studentRecipe, studentLayers: 1, steps: 10 };
  const job = { data, teacher: join(folder, "student/model"), recipe, heldOutSequences };
  const { start, end } = await courseOf(job, { out: join(folder, "grandchild") });
  expect(end).toBeLessThan(start);
});

test("with one document a sequence, a student learns too", async () => {
  const recipe: DistillRecipe = { ...studentRecipe, pack: "none", epochs: 1, steps: null };
  const course = await courseOf({ data, teacher, recipe, heldOutSequences }, { out: join(folder, "unpacked") });
  expect(wayGone(course)).toBeGreaterThan(0.5);
});

test("pretraining goes on from a shallower model, its layers stacked", async () => {
  const silent = { estimate() {}, step() {}, evaluation() {}, saved() {} };
  const recipe = { ...teacherRecipe, layers: 6, initFrom: teacher, steps: 1, peakLearningRate: 1e-12, weightDecay: 0 };
  const out = join(folder, "stacked");
  const options = optionsOf({ data, recipe, heldOutSequences }, { out });
  await pretrain({ ...options, recipe, observer: silent });
  const f32 = { device: "cpu", productDType: "float32" } as const;
  using stacked = (await loadMaskedLm(join(out, "model"), f32)).model;
  using source = (await loadMaskedLm(teacher, f32)).model;
  const values = new Map([...source.namedParameters()].map(([name, { value }]) => [name, value.toFloat32Array()]));
  for (const [name, { value }] of stacked.namedParameters()) {
    const from = values.get(name.replace(/^layers\.(\d)/, (_, layer) => `layers.${Number(layer) % 4}`));
    const farthest = value
      .toFloat32Array()
      .reduce((most, each, i) => Math.max(most, Math.abs(each - (from?.[i] ?? 9))), 0);
    expect(farthest, name).toBeLessThan(1e-9);
  }
});
