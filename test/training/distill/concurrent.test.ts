import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { liveTensors } from "../../../src/engine/tensor/scope.js";
import { type Job, outcomeOf, runJob } from "../loop/jobs.js";
import { smallCorpus, untrainedModel } from "../loop/small-corpus.js";
import { tripleLoss } from "./recipes.js";

let folder: string;
let jobs: readonly Job[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-concurrent-"));
  const { data, tokenizer } = await smallCorpus(folder);
  const teacher = await untrainedModel(join(folder, "teacher"), tokenizer);
  // In one, products are in bf16: what is cast and packed for one is not taken for the other's.
  jobs = (["float32", "bfloat16"] as const).map((precision, seed) => ({
    ...{ data, teacher, heldOutSequences: 20 },
    recipe: { ...tripleLoss, dropout: 0.1, steps: 8, precision, seed },
  }));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("two distillations at once end with the weights of two run one after the other, to the bit", async () => {
  const before = liveTensors();
  const run = async (job: Job, out: string) => {
    await runJob(job, { out: join(folder, out) });
    return outcomeOf(join(folder, out));
  };
  const apart = [];
  for (const [i, job] of jobs.entries()) apart.push(await run(job, `apart-${i}`));
  const together = await Promise.all(jobs.map((job, i) => run(job, `together-${i}`)));
  expect(together).toEqual(apart);
  expect(together[0]?.model.equals(together[1]?.model as Buffer)).toBe(false);
  expect(liveTensors()).toBe(before);
});
