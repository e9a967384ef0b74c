import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Dataset, openDataset } from "../../../src/data/dataset.js";
import { loadMaskedLm } from "../../../src/hub/model-loading.js";
import type { Estimate } from "../../../src/training/loop/session.js";
import { type Job, runJob } from "./jobs.js";
import { smallPretraining } from "./recipes.js";
import { smallCorpus } from "./small-corpus.js";

let folder: string;
let job: Job;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-session-"));
  const { data } = await smallCorpus(folder);
  job = { data, recipe: smallPretraining, heldOutSequences: 8 };
});
afterAll(() => rmSync(folder, { recursive: true }));

test("before the first step, steps, tokens, parameters, memory and time are known", async () => {
  const events: string[] = [];
  const estimates: Estimate[] = [];
  const observer = {
    estimate: (estimate: Estimate) => {
      estimates.push(estimate);
      events.push("estimate");
    },
    evaluation: () => void events.push("evaluation"),
    step: () => void events.push("step"),
  };
  const { model } = await runJob(job, { out: join(folder, "run"), observer });
  expect(events.slice(0, 3)).toEqual(["estimate", "evaluation", "step"]);
  const [first] = estimates as [Estimate];
  expect(first).toMatchObject({ totalSteps: 12, microBatchesPerStep: 2, tokens: 12 * 8 * 24 });
  expect(first.seconds).toBeGreaterThan(0);
  expect(first.memoryBytes).toBeGreaterThan(20e6);
  expect(first.memoryBytes).toBeLessThan(20e9);
  using loaded = (await loadMaskedLm(model, { device: "cpu", productDType: "float32" })).model;
  expect(first.parameters).toBe(loaded.parameterCount());
});

test("of a run that is done, no time is left", async () => {
  const estimates: Estimate[] = [];
  const observer = { estimate: (estimate: Estimate) => void estimates.push(estimate) };
  await runJob(job, { out: join(folder, "run"), resume: true, observer });
  expect(estimates).toMatchObject([{ totalSteps: 12, seconds: 0 }]);
});

test("epochs are counted in the corpus's own sequences", async () => {
  const estimates: Estimate[] = [];
  const observer = { estimate: (estimate: Estimate) => void estimates.push(estimate) };
  const recipe = { ...smallPretraining, epochs: 0.02, steps: null };
  await runJob({ ...job, recipe }, { out: join(folder, "epochs"), observer });
  using dataset = opened(job.data);
  const sequences = Math.floor(dataset.manifest.splits.train.tokens / 22);
  expect(estimates[0]?.totalSteps).toBe(Math.ceil((0.02 * sequences) / 8));
});

function opened(data: string): Dataset & Disposable {
  const dataset = openDataset(data);
  return { ...dataset, [Symbol.dispose]: () => dataset.close() };
}
