import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { liveTensors } from "../../../src/engine/tensor/scope.js";
import { ConfigError, Interrupted } from "../../../src/errors.js";
import type { StepProfile } from "../../../src/training/loop/step-profiler.js";
import { compileSources } from "../../compiled-sources.js";
import { tripleLoss } from "../distill/recipes.js";
import { type Attempt, type Job, optionsOf, outcomeOf, runJob } from "./jobs.js";
import { smallPretraining } from "./recipes.js";
import { smallCorpus, untrainedModel } from "./small-corpus.js";

const CHILD = join(import.meta.dirname, "children/train.mjs");

let folder: string;
let pretraining: Job;
let distillation: Job;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-profile-"));
  const { data, tokenizer } = await smallCorpus(folder);
  const teacher = await untrainedModel(join(folder, "teacher"), tokenizer);
  pretraining = { data, heldOutSequences: 8, recipe: { ...smallPretraining, steps: 10 } };
  distillation = { data, heldOutSequences: 8, recipe: { ...tripleLoss, dropout: 0.1, steps: 10 }, teacher };
});
afterAll(() => rmSync(folder, { recursive: true }));

const shorter = (job: Job, steps: number): Job => ({ ...job, recipe: { ...job.recipe, steps } });

/** Runs a job and gives the profiles it tells of. */
async function profiled(job: Job, attempt: Attempt): Promise<StepProfile[]> {
  const told: StepProfile[] = [];
  const observer = { ...attempt.observer, profiled: (profile: StepProfile) => told.push(profile) };
  await runJob(job, { profile: true, ...attempt, observer });
  return told;
}

interface TraceEvent {
  ph: string;
  cat: string;
  name: string;
  ts: number;
  dur: number;
  tid: number;
  args?: { step?: number };
}

function traceOf(out: string): TraceEvent[] {
  const { traceEvents } = JSON.parse(readFileSync(join(out, "profile.json"), "utf8"));
  return traceEvents.filter(({ ph }: TraceEvent) => ph === "X");
}

const lies = (inner: TraceEvent, outer: TraceEvent) =>
  inner.ts >= outer.ts && inner.ts + inner.dur <= outer.ts + outer.dur + 1e-6; // Sums of decimal fractions.

describe.each([
  ["pretraining", () => pretraining, ["data", "forward", "losses", "backward", "optimizer", "other"]],
  [
    "distillation",
    () => distillation,
    ["data", "teacher", "student forward", "losses", "backward", "optimizer", "other"],
  ],
] as const)("%s", (kind, job, phases) => {
  test("ends the same to the bit, and as many tensors stay", async () => {
    const [plain, measured] = [join(folder, `${kind}-plain`), join(folder, `${kind}-measured`)];
    const before = liveTensors();
    expect(await profiled(job(), { out: plain, profile: false })).toEqual([]);
    expect(await profiled(job(), { out: measured })).toHaveLength(1);
    expect(outcomeOf(measured)).toEqual(outcomeOf(plain));
    expect(existsSync(join(plain, "profile.json"))).toBe(false);
    expect(liveTensors()).toBe(before);
  });

  test("has its phases in the profile, which take all of the time", async () => {
    const [profile] = await profiled(job(), { out: join(folder, `${kind}-phases`) });
    expect(profile?.phases.map(({ name }) => name)).toEqual(phases);
    const sum = profile?.phases.reduce((total, { share }) => total + share, 0);
    expect(sum).toBeCloseTo(1, 9);
    expect(profile?.phases.every(({ ms }) => ms > 0)).toBe(true);
    expect(profile?.ops.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["aten::native_layer_norm", "aten::gelu_backward", "limbeck::vocabularyLosses_"]),
    );
  });
});

test("a trace holds the recorded steps alone: each with its phases and their ops, not what is between", async () => {
  const out = join(folder, "trace");
  await profiled(distillation, { out, cadence: { evaluateEverySteps: 1, saveEverySteps: 1 } });
  const trace = traceOf(out);
  const steps = trace.filter(({ name, cat }) => name === "step" && cat === "phase");
  expect(steps.map(({ args }) => args?.step)).toEqual([3, 4, 5, 6, 7]);
  expect(trace.filter((event) => !steps.some((step) => lies(event, step)))).toEqual([]);
  for (const step of steps) {
    const inside = trace.filter((event) => lies(event, step));
    const count = (wanted: string) => inside.filter(({ name }) => name === wanted).length;
    expect(count("backward")).toBe(2); // Two micro-batches.
    expect(count("optimizer")).toBe(2); // Clipping, and the update.
    const losses = inside.find(({ name }) => name === "losses") as TraceEvent;
    expect(inside.filter((event) => event.cat === "op" && lies(event, losses)).length).toBeGreaterThan(10);
  }
});

test.each([
  ["five after two to warm up", 10, { firstStep: 3, steps: 5 }],
  ["fewer where there are not so many", 4, { firstStep: 3, steps: 2 }],
  ["the only one that is left", 3, { firstStep: 3, steps: 1 }],
  ["the first ones where nothing else would be left", 2, { firstStep: 1, steps: 2 }],
])("the steps are %s", async (_, steps, expected) => {
  const out = join(folder, `of-${steps}`);
  expect(await profiled(shorter(pretraining, steps), { out })).toMatchObject([expected]);
});

test("a resumed run profiles the steps it makes, and one that is done none", async () => {
  const out = join(folder, "resumed");
  const stop = new AbortController();
  const observer = { step: ({ step }: { step: number }) => step === 2 && stop.abort() };
  await expect(profiled(pretraining, { out, observer, signal: stop.signal })).rejects.toThrow(Interrupted);
  expect(await profiled(pretraining, { out, resume: true })).toMatchObject([{ firstStep: 5, steps: 5 }]);
  const before = readFileSync(join(out, "profile.json"));
  expect(await profiled(pretraining, { out, resume: true })).toEqual([]);
  expect(readFileSync(join(out, "profile.json")).equals(before)).toBe(true);
});

test("a run that is interrupted while it is recorded writes no profile, saves, and is recorded when it goes on", async () => {
  const out = join(folder, "interrupted");
  const stop = new AbortController();
  const observer = { step: ({ step }: { step: number }) => step === 4 && stop.abort() };
  await expect(profiled(pretraining, { out, observer, signal: stop.signal })).rejects.toThrow(Interrupted);
  expect(existsSync(join(out, "profile.json"))).toBe(false);
  expect(await profiled(pretraining, { out, resume: true })).toMatchObject([{ firstStep: 7, steps: 4 }]);
  const undisturbed = join(folder, "undisturbed");
  await runJob(pretraining, { out: undisturbed });
  expect(outcomeOf(out)).toEqual(outcomeOf(undisturbed));
});

test("a run that is killed while it is recorded goes on to the same end, and is recorded then", async () => {
  using sources = compileSources("training/pretrain/pretrain.ts", "training/distill/distill.ts");
  const out = join(folder, "killed");
  const options = { ...optionsOf(pretraining, { out, profile: true }), killAtStep: 5 };
  const { signal } = spawnSync(process.execPath, [CHILD, sources.folder, JSON.stringify(options)]);
  expect(signal).toBe("SIGKILL");
  expect(readdirSync(out).filter((name) => name.includes("profile"))).toEqual([]);
  expect(await profiled(pretraining, { out, resume: true })).toMatchObject([{ firstStep: 6, steps: 5 }]);
  const undisturbed = join(folder, "never-killed");
  await runJob(pretraining, { out: undisturbed });
  expect(outcomeOf(out)).toEqual(outcomeOf(undisturbed));
});

test("a folder where the profile would go is refused before a step is made", async () => {
  const out = join(folder, "folder-in-the-way");
  const crash = {
    step: () => {
      throw new Error("as if killed");
    },
  };
  await expect(runJob(pretraining, { out, observer: crash })).rejects.toThrow("as if killed");
  mkdirSync(join(out, "profile.json"));
  const steps: number[] = [];
  const observer = { step: ({ step }: { step: number }) => steps.push(step) };
  const error: unknown = await profiled(pretraining, { out, resume: true, observer }).catch((reason) => reason);
  expect(error).toBeInstanceOf(ConfigError);
  expect(error).toMatchObject({
    message: expect.stringMatching(/profile\.json: expected a place .*, got a folder\. Move/),
  });
  expect(steps).toEqual([]);
});
