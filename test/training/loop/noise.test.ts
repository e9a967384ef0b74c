import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type MaskedBatch, type StepBatches, stepBatches } from "../../../src/data/masked-batches.js";
import { createMasker, IGNORED } from "../../../src/data/masking.js";
import { AdamW } from "../../../src/engine/optim/adamw.js";
import { manualSeed } from "../../../src/engine/tensor/random.js";
import { MaskedLm } from "../../../src/models/masked-lm.js";
import { createRun } from "../../../src/runs/run.js";
import { DistillObjective } from "../../../src/training/distill/distill-objective.js";
import { trainLoop } from "../../../src/training/loop/loop.js";
import type { Objective } from "../../../src/training/loop/objective.js";
import { MaskedLmObjective } from "../../../src/training/pretrain/pretrain.js";
import { tripleLoss } from "../distill/recipes.js";
import { smallBert } from "./made-up-steps.js";
import { smallPretraining } from "./recipes.js";

// Every sequence is the same and masked alike, and the weights stay: whatever differs between two losses is noise.

const SEQUENCES = 4;
const STEPS = 3;
const MASK = 4;
const LABELLED = [3, 8, 15];
const SEQUENCE = Int32Array.from([2, ...Array.from({ length: 22 }, (_, i) => 5 + ((i * 13) % 75)), 3]);

const masker = createMasker({
  ...{ vocabSize: smallBert.vocabSize, maskId: MASK, specialIds: new Set([0, 1, 2, 3, MASK]) },
  tokenCounts: new Array(smallBert.vocabSize).fill(1),
});

interface Setting {
  dropout: number;
  seed?: number;
  /** Of a micro-batch. */
  rows?: number;
  /** The row of each micro-batch that has labels; all where it is left out. */
  labelledRow?: number;
}

/** A step as the data gives it, but for its masks, which are the same for every sequence. */
function stepWith(step: number, { seed = 1, rows = 1, labelledRow }: Setting): StepBatches {
  const source = { length: 8, get: () => SEQUENCE };
  const { microBatches, tokenCount } = stepBatches({
    ...{ source, masker, seed, step, padId: 0, stepSequences: SEQUENCES, microBatchSequences: rows },
  });
  const alike = microBatches.map((batch): MaskedBatch => {
    const inputIds = new Int32Array(batch.B * batch.S);
    const labels = new Int32Array(batch.B * batch.S).fill(IGNORED);
    for (let row = 0; row < batch.B; row++) {
      inputIds.set(SEQUENCE, row * batch.S);
      for (const at of LABELLED) inputIds[row * batch.S + at] = MASK;
      if (labelledRow !== undefined && row !== labelledRow) continue;
      for (const at of LABELLED) labels[row * batch.S + at] = SEQUENCE[at] as number;
    }
    const maskedCount = labels.filter((label) => label !== IGNORED).length;
    return { ...batch, inputIds, labels, maskedCount };
  });
  return { microBatches: alike, tokenCount, maskedCount: 1 };
}

type Kind = "pretraining" | "distillation";

/** BERT's attention drops too: both kinds of noise are drawn. */
function objectiveOf(kind: Kind, teacher: MaskedLm, dropout: number): Objective & Disposable {
  const inF32 = { productDType: "float32", device: "cpu" } as const;
  if (kind === "distillation") return new DistillObjective(teacher, { ...tripleLoss, dropout }, inF32);
  return new MaskedLmObjective({ ...smallBert, dropout, attentionDropout: dropout }, { ...inF32, seed: 2 });
}

let folder: string;
let runs = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-noise-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The masked-LM loss of every micro-batch, [STEPS][micro-batches]; the teacher would drop half, if it dropped. */
async function lossesOf(kind: Kind, setting: Setting): Promise<number[][]> {
  manualSeed(1);
  using teacher = new MaskedLm({ ...smallBert, dropout: 0.5, attentionDropout: 0.5 }).materialise();
  using objective = objectiveOf(kind, teacher, setting.dropout);
  using optimizer = new AdamW(objective.parameters, { beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0 });
  const recipe = { ...smallPretraining, peakLearningRate: 1e-30, weightDecay: 0, seed: setting.seed ?? 1 };
  using run = createRun(join(folder, `run-${runs++}`), recipe);
  const shares: number[] = [];
  const { model, parameters, losses } = objective;
  const mlm = losses.findIndex(({ name }) => name === "mlm");
  const watched: Objective = {
    ...{ model, parameters, losses },
    microStep(batch, step) {
      const share = objective.microStep(batch, step);
      shares.push(share.toFloat32Array()[mlm] ?? Number.NaN);
      return share;
    },
  };
  await trainLoop({
    ...{ run, recipe, optimizer, totalSteps: STEPS, objective: watched, resume: false, device: "cpu" },
    batchesOf: (step) => stepWith(step, setting),
    evaluate: async () => ({ loss: 1, accuracy: 0 }),
    cadence: { logEverySteps: 1, evaluateEverySteps: 100, saveEverySteps: 100, saveEveryMinutes: 60 },
    observer: { step() {}, evaluation() {}, saved() {} },
  });
  const each = shares.length / STEPS;
  return Array.from({ length: STEPS }, (_, step) => shares.slice(step * each, (step + 1) * each));
}

const distinct = (values: readonly number[]) => new Set(values).size;

describe.each(["pretraining", "distillation"] as const)("in %s", (kind) => {
  test("without dropout, losses of the same sequence are the same: the teacher drops nothing", async () => {
    const losses = (await lossesOf(kind, { dropout: 0 })).flat();
    expect(losses).toHaveLength(STEPS * SEQUENCES);
    expect(distinct(losses)).toBe(1);
  });

  test("with dropout, every sequence of every step has noise of its own, in other micro-batches", async () => {
    const losses = await lossesOf(kind, { dropout: 0.2 });
    expect(losses.map(({ length }) => length)).toEqual([SEQUENCES, SEQUENCES, SEQUENCES]);
    expect(distinct(losses.flat())).toBe(STEPS * SEQUENCES);
    const [without = 0] = (await lossesOf(kind, { dropout: 0 })).flat();
    expect(losses.flat().every((loss) => Math.abs(loss / without - 1) > 1e-4)).toBe(true);
  });

  test("and in the same micro-batch", async () => {
    const rows = [];
    for (let labelledRow = 0; labelledRow < SEQUENCES; labelledRow++) {
      const losses = await lossesOf(kind, { dropout: 0.2, rows: SEQUENCES, labelledRow });
      expect(losses.map(({ length }) => length)).toEqual([1, 1, 1]);
      rows.push(...losses.flat());
    }
    expect(distinct(rows)).toBe(STEPS * SEQUENCES);
  });

  test("the noise is the seed's: the same again, and another for another", async () => {
    const first = await lossesOf(kind, { dropout: 0.2 });
    expect(await lossesOf(kind, { dropout: 0.2 })).toEqual(first);
    const other = await lossesOf(kind, { dropout: 0.2, seed: 2 });
    expect(distinct([...first.flat(), ...other.flat()])).toBe(2 * STEPS * SEQUENCES);
  });
});
