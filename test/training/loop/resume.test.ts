import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { liveTensors } from "../../../src/engine/tensor/scope.js";
import { Interrupted } from "../../../src/errors.js";
import { readMetrics } from "../../../src/runs/metrics-log.js";
import { type CompiledSources, compileSources } from "../../compiled-sources.js";
import { tripleLoss } from "../distill/recipes.js";
import { type Attempt, type Job, optionsOf, outcomeOf, runJob } from "./jobs.js";
import { smallPretraining } from "./recipes.js";
import { smallCorpus, untrainedModel } from "./small-corpus.js";

const CHILD = join(import.meta.dirname, "children/train.mjs");
const kinds = ["pretraining", "distillation"] as const;

let folder: string;
let sources: CompiledSources;
const jobs = new Map<string, Job>();
const undisturbed = new Map<string, ReturnType<typeof outcomeOf>>();

beforeAll(async () => {
  sources = compileSources("training/pretrain/pretrain.ts", "training/distill/distill.ts");
  folder = mkdtempSync(join(tmpdir(), "limbeck-resume-"));
  const { data, tokenizer } = await smallCorpus(folder);
  const teacher = await untrainedModel(join(folder, "teacher"), tokenizer);
  const shared = { data, heldOutSequences: 20 };
  jobs.set("pretraining", { ...shared, recipe: { ...smallPretraining, steps: 20 } });
  jobs.set("distillation", { ...shared, recipe: { ...tripleLoss, dropout: 0.1, steps: 20 }, teacher });
  for (const [kind, job] of jobs) {
    const out = join(folder, `${kind}-undisturbed`);
    await runJob(job, { out });
    undisturbed.set(kind, outcomeOf(out));
  }
});
afterAll(() => {
  sources[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

/** Trains in a child process until it ends or is killed, `delayMs` after its first save; tells which. */
async function trainUntilKilled(job: Job, attempt: Attempt, delayMs: number): Promise<"ended" | "killed"> {
  const args = [CHILD, sources.folder, JSON.stringify(optionsOf(job, attempt))];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<string | null>((resolve) => child.on("close", (_, signal) => resolve(signal)));
  let output = "";
  child.stdout.on("data", (text) => {
    output += text;
  });
  await Promise.race([new Promise((resolve) => child.stdout.once("data", resolve)), ended]);
  await Promise.race([wait(delayMs), ended]);
  child.kill("SIGKILL");
  if ((await ended) !== null) return "killed";
  expect(output).toContain('"result"');
  return "ended";
}

describe.each(kinds)("%s", (kind) => {
  test("killed at any moment and resumed, again and again, ends with the same weights and metrics", async () => {
    const job = jobs.get(kind) as Job;
    const out = join(folder, `${kind}-killed`);
    const cadence = { saveEverySteps: 1 }; // Most of the time is spent saving, so most kills fall there.
    let kills = 0;
    for (let delayMs = 0; ; delayMs = Math.random() * 150) {
      if (kills >= 4) delayMs = 60_000;
      if ((await trainUntilKilled(job, { out, resume: true, cadence }, delayMs)) === "ended") break;
      kills++;
    }
    expect(kills, "kills that fell in the middle").toBeGreaterThan(0);
    expect(outcomeOf(out)).toEqual(undisturbed.get(kind));
    expect(readdirSync(out).filter((name) => name.startsWith(".lock"))).toEqual([]);
  });

  test.each([
    ["before the first step", { step: 0 }],
    ["between two micro-batches", { step: 5 }],
    ["while it evaluates", { step: 8 }],
    ["in the last evaluation", { step: 20 }],
  ])("interrupted %s, saves, and ends the same when resumed", async (_, { step }) => {
    const job = jobs.get(kind) as Job;
    const out = join(folder, `${kind}-stopped-at-${step}`);
    const before = liveTensors();
    const stop = new AbortController();
    const observer = {
      // A micro-batch, or an evaluation, comes after it has looked: it sees the signal there.
      step: (record: { step: number }) => record.step === step && stop.abort(),
      estimate: () => step === 0 && stop.abort(),
    };
    const error: unknown = await runJob(job, { out, observer, signal: stop.signal }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Interrupted);
    expect(error).toMatchObject({ step, message: expect.stringContaining(`--resume --out ${out}`) });
    expect(readdirSync(join(out, "checkpoints"))).toContain(`step-${step}`);
    expect(liveTensors()).toBe(before);
    await runJob(job, { out, resume: true });
    expect(outcomeOf(out)).toEqual(undisturbed.get(kind));
  });

  test("that is done already stays as it is", async () => {
    const job = jobs.get(kind) as Job;
    const out = join(folder, `${kind}-undisturbed`);
    await runJob(job, { out, resume: true });
    expect(outcomeOf(out)).toEqual(undisturbed.get(kind));
  });
});

test("an evaluation that was interrupted, made, and lost to a kill is on record once", async () => {
  const job = jobs.get("pretraining") as Job;
  const out = join(folder, "evaluated-twice");
  const stop = new AbortController();
  const stopAtFour = { step: (record: { step: number }) => record.step === 4 && stop.abort() };
  await expect(runJob(job, { out, observer: stopAtFour, signal: stop.signal })).rejects.toThrow(Interrupted);
  const crashAtFive = {
    step: () => {
      throw new Error("as if killed");
    },
  };
  for (let i = 0; i < 2; i++) {
    await expect(runJob(job, { out, resume: true, observer: crashAtFive })).rejects.toThrow("as if killed");
    expect(evaluations(out)).toEqual([0, 4]);
  }
  await runJob(job, { out, resume: true });
  expect(outcomeOf(out)).toEqual(undisturbed.get("pretraining"));
});

test("a run whose log is gone goes on as it was: its state is in the checkpoint", async () => {
  const job = jobs.get("pretraining") as Job;
  const out = join(folder, "without-log");
  const stop = new AbortController();
  const stopAtNine = { step: (record: { step: number }) => record.step === 9 && stop.abort() };
  await expect(runJob(job, { out, observer: stopAtNine, signal: stop.signal })).rejects.toThrow(Interrupted);
  rmSync(join(out, "metrics.jsonl"));
  await runJob(job, { out, resume: true });
  const { model, metrics } = undisturbed.get("pretraining") ?? { model: null, metrics: [] };
  expect(outcomeOf(out)).toEqual({ model, metrics: metrics.filter((record) => (record as { step: number }).step > 9) });
});

test("another cadence evaluates at other steps, and changes nothing else", async () => {
  const job = jobs.get("distillation") as Job;
  const out = join(folder, "cadence");
  const cadence = { evaluateEverySteps: 7, saveEverySteps: 1000, saveEveryMinutes: 0, logEverySteps: 3 };
  await runJob(job, { out, cadence });
  const { model } = outcomeOf(out);
  expect(model.equals(undisturbed.get("distillation")?.model as Buffer)).toBe(true);
  expect(evaluations(out)).toEqual([0, 7, 14, 20]);
});

function evaluations(out: string): number[] {
  const metrics = readMetrics(join(out, "metrics.jsonl"));
  return metrics.filter((record) => "heldOutLoss" in record).map(({ step }) => step);
}
