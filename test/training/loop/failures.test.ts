import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AdamW } from "../../../src/engine/optim/adamw.js";
import { full } from "../../../src/engine/tensor/create.js";
import { liveTensors } from "../../../src/engine/tensor/scope.js";
import { RunError } from "../../../src/errors.js";
import { createRun } from "../../../src/runs/run.js";
import type { HeldOutResult } from "../../../src/training/loop/evaluate-held-out.js";
import { type Observer, trainLoop } from "../../../src/training/loop/loop.js";
import type { Objective } from "../../../src/training/loop/objective.js";
import { MaskedLmObjective } from "../../../src/training/pretrain/pretrain.js";
import { compileSources } from "../../compiled-sources.js";
import { type Job, optionsOf, outcomeOf, runJob } from "./jobs.js";
import { madeUpStep, smallBert } from "./made-up-steps.js";
import { smallPretraining } from "./recipes.js";
import { smallCorpus } from "./small-corpus.js";

const CHILD = join(import.meta.dirname, "children/train.mjs");

let folder: string;
let job: Job;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-failures-"));
  const { data } = await smallCorpus(folder);
  job = { data, recipe: smallPretraining, heldOutSequences: 8 };
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("a loss or gradient that is not finite", () => {
  /** Trains on one step again and again; from the 4th on, its second micro-batch gives `poison`. */
  async function trainPoisoned(out: string, poison: (objective: Objective) => number): Promise<unknown> {
    using objective = new MaskedLmObjective(smallBert, { seed: 1, productDType: "float32", device: "cpu" });
    using optimizer = new AdamW(objective.parameters, { beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0 });
    using run = createRun(out, {});
    let calls = 0;
    const { model, parameters, losses } = objective;
    const poisoned: Objective = {
      ...{ model, parameters, losses },
      microStep(batch, counts) {
        const shares = objective.microStep(batch, counts);
        return ++calls === 4 * 3 + 2 ? full([1], poison(objective)) : shares;
      },
    };
    const step = madeUpStep({ lengths: "equal", microBatchTokens: 6 * 24 });
    expect(step.microBatches).toHaveLength(3);
    const silent: Partial<Observer<HeldOutResult>> = {};
    return await trainLoop({
      ...{
        run,
        optimizer,
        recipe: smallPretraining,
        totalSteps: 10,
        objective: poisoned,
        resume: false,
        device: "cpu",
      },
      batchesOf: () => step,
      evaluate: async () => ({ loss: 1, accuracy: 0 }),
      cadence: { logEverySteps: 1, evaluateEverySteps: 100, saveEverySteps: 2, saveEveryMinutes: 60 },
      observer: silent,
    }).catch((error: unknown) => error);
  }

  test.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "stops the run, naming step, micro-batch and checkpoint: %d",
    async (value) => {
      const before = liveTensors();
      const out = join(folder, `poisoned-${value}`);
      const error = await trainPoisoned(out, () => value);
      expect(error).toBeInstanceOf(RunError);
      expect((error as RunError).exitStatus).toBe(1);
      expect((error as RunError).message).toBe(
        `${out}: step 5: micro-batch 1 gave mlm ${value}: expected finite values; the last good checkpoint is ` +
          `${out}/checkpoints/step-4. Lower the learning rate or use float32, in a new run.`,
      );
      expect(readdirSync(join(out, "checkpoints")).sort()).toEqual(["step-2", "step-4"]);
      expect(liveTensors()).toBe(before);
    },
  );

  test("stops the run also where only the gradient overflows", async () => {
    const out = join(folder, "poisoned-gradient");
    const error = await trainPoisoned(out, ({ parameters }) => {
      parameters.gradients.add_(1e30).mul_(1e30);
      return 1;
    });
    expect((error as RunError).message).toMatch(
      /: step 5: the gradient norm is (Infinity|NaN): expected finite values; /,
    );
  });
});

describe("an absurd learning rate", () => {
  const absurd = { ...smallPretraining, peakLearningRate: 1e37, warmupShare: 0.5, steps: 6 };

  test("stops the run with status 1, keeps no bad weights, and writes no model", async () => {
    const out = join(folder, "absurd");
    const cadence = { saveEverySteps: 1, evaluateEverySteps: 1 };
    const error = await runJob({ ...job, recipe: absurd }, { out, cadence }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RunError);
    expect((error as RunError).message).toMatch(
      /absurd: (after )?step \d.*expected finite values; no checkpoint was saved/,
    );
    expect(readdirSync(join(out, "checkpoints"))).toEqual([]);
    expect(existsSync(join(out, "model"))).toBe(false);
  });

  test("is noticed in the last step too, where nothing else is evaluated or saved before", async () => {
    const out = join(folder, "absurd-end");
    const recipe = { ...absurd, steps: 1 };
    await expect(runJob({ ...job, recipe }, { out })).rejects.toThrow(RunError);
    expect(existsSync(join(out, "model"))).toBe(false);
  });
});

test("a full disk in the middle of a checkpoint keeps the last one, exits 2, and the run goes on from it", async () => {
  using sources = compileSources("training/pretrain/pretrain.ts", "training/distill/distill.ts");
  const [undisturbed, out] = [join(folder, "undisturbed"), join(folder, "full")];
  await runJob(job, { out: undisturbed });
  const crash = {
    step: ({ step }: { step: number }) => {
      if (step === 7) throw new Error("as if killed");
    },
  };
  await expect(runJob(job, { out, observer: crash })).rejects.toThrow("as if killed");
  const saved = readdirSync(join(out, "checkpoints"));
  expect(saved).toContain("step-6");

  // Files of 20 kB at most: a model of 30 kB does not fit.
  const options = JSON.stringify(optionsOf(job, { out, resume: true }));
  const command = ["-c", 'ulimit -f 20; exec "$@"', "bash", process.execPath, CHILD, sources.folder, options];
  const output = execFileSync("bash", command, { encoding: "utf8" }).trim();
  const { error } = JSON.parse(output.split("\n").at(-1) ?? "");
  expect(error.exitStatus).toBe(2);
  expect(error.message).toMatch(
    /^\S*\/checkpoints\/step-9: no space left \(EFBIG\): .*The last good checkpoint is step-6\. Raise it, and resume\.$/,
  );
  expect(readdirSync(join(out, "checkpoints"))).toEqual(saved);

  await runJob(job, { out, resume: true });
  expect(outcomeOf(out)).toEqual(outcomeOf(undisturbed));
});
