import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Module } from "../../../src/engine/nn/module.js";
import { AdamW } from "../../../src/engine/optim/adamw.js";
import { FlatParameters } from "../../../src/engine/optim/flat-parameters.js";
import { tensor } from "../../../src/engine/tensor/create.js";
import { engineInfo, setThreads } from "../../../src/engine/tensor/device.js";
import { manualSeed } from "../../../src/engine/tensor/random.js";
import { liveTensors, tidy } from "../../../src/engine/tensor/scope.js";
import type { Tensor } from "../../../src/engine/tensor/tensor.js";
import type { Cadence } from "../../../src/recipes/cadence.js";
import type { OptimizerRecipe } from "../../../src/recipes/training-recipe.js";
import { readMetrics } from "../../../src/runs/metrics-log.js";
import { createRun, openRun } from "../../../src/runs/run.js";
import { type LoopOptions, type StepRecord, trainLoop } from "../../../src/training/loop/loop.js";
import { restoreBest } from "../../../src/training/loop/loop-state.js";
import { type Objective, type StepData, shareOf } from "../../../src/training/loop/objective.js";

// The loop with an objective whose gradients are known, against the same steps in doubles, written here once more.

type Name = "bias" | "weight" | "still";
type Shapes = Readonly<Record<Name, readonly number[]>>;

const SMALL: Shapes = { bias: [5], weight: [3, 4], still: [7] };
/** So many that two threads share them. */
const LARGE: Shapes = { ...SMALL, weight: [200, 350] };

/** A weight that decays, a bias that does not, and a parameter that is frozen. */
class Toy extends Module {
  constructor(shapes: Shapes) {
    super();
    this.parameter("bias", { shape: shapes.bias, init: { std: 0.5 }, decay: false });
    this.parameter("weight", { shape: shapes.weight, init: { std: 0.5 }, decay: true });
    this.parameter("still", { shape: shapes.still, init: { std: 0.5 }, decay: true });
  }
}

/** Sequences by number: what a step learns from them is their mean, however they are cut. */
interface ToyStep extends StepData {
  readonly microBatches: readonly { readonly tokenCount: number; readonly sequences: readonly number[] }[];
  readonly tokenCount: number;
  readonly sequenceCount: number;
}

const ANGLES = Float64Array.from({ length: 70_000 }, (_, i) => 0.37 * i);
const PHASES = { weight: 0, bias: 1 } as const;

/** The sum of the gradients of sequences: waves, those of even numbers below the clip norm, of odd ones far above. */
function gradientOf(length: number, phase: number, sequences: readonly number[]): Float64Array {
  const size = (sequence: number) => (sequence % 2 === 0 ? 0.02 : 30) / Math.sqrt(length);
  const sum = (of: (x: number) => number) => sequences.reduce((total, each) => total + size(each) * of(each), 0);
  const [a, b] = [sum(Math.cos), sum(Math.sin)];
  return ANGLES.subarray(0, length).map((angle) => a * Math.sin(angle + phase) + b * Math.cos(angle + phase));
}

const LOSSES = [
  { name: "first", weight: 2, of: (sequence: number) => sequence + 1 },
  { name: "second", weight: 0.5, of: (sequence: number) => 1 / (sequence + 1) },
];

class ToyObjective implements Objective<ToyStep>, Disposable {
  readonly model: Toy;
  readonly parameters: FlatParameters;
  readonly losses = LOSSES;
  readonly #shapes: Shapes;

  constructor(shapes: Shapes) {
    this.#shapes = shapes;
    this.model = new Toy(shapes);
    manualSeed(1);
    this.parameters = new FlatParameters(this.model, { frozen: (name) => name === "still" });
  }

  microStep({ sequences }: ToyStep["microBatches"][number], step: ToyStep): Tensor {
    const share = shareOf(step.sequenceCount);
    for (const name of ["weight", "bias"] as const) {
      const view = this.parameters.view(this.parameters.gradients, name).view([-1]);
      const [length] = view.dims(1);
      view.add_(tensor(Float32Array.from(gradientOf(length, PHASES[name], sequences), (value) => value * share)));
    }
    return tensor(LOSSES.map(({ of }) => sequences.reduce((sum, each) => sum + of(each), 0) * share));
  }

  values(): Record<Name, Float32Array> {
    const all = Object.keys(this.#shapes).map((name) => [
      name,
      tidy(() => [this.parameters.view(this.parameters.values, name).toFloat32Array()])[0],
    ]);
    return Object.fromEntries(all);
  }

  [Symbol.dispose](): void {
    this.model.dispose();
    this.parameters.dispose();
  }
}

/** Steps of six sequences; the last one is cut short, to two. The 2nd, 4th … learn from odd ones too, and are clipped. */
const SEQUENCES = [
  [0, 2, 4, 6, 8, 10],
  [1, 12, 14, 16, 18, 20],
  [22, 24, 26, 28, 30, 32],
  [3, 102, 104, 106, 108, 110],
  [34, 36, 38, 40, 42, 44],
  [46, 15, 48, 50, 52, 54],
  [56, 17],
];

/** Cuts a step after so many sequences each. */
function stepOf(sequences: readonly number[], cut: readonly number[]): ToyStep {
  const microBatches = [];
  for (let at = 0, i = 0; at < sequences.length; at += cut[i++ % cut.length] ?? 1) {
    const some = sequences.slice(at, at + (cut[i % cut.length] ?? 1));
    microBatches.push({ tokenCount: 3 * some.length, sequences: some });
  }
  return { microBatches, tokenCount: 3 * sequences.length, sequenceCount: sequences.length };
}

const RECIPE: OptimizerRecipe = {
  ...{ stepSequences: 6, microBatchTokens: 6, epochs: null, steps: SEQUENCES.length, precision: "float32", seed: 1 },
  ...{ peakLearningRate: 0.01, warmupShare: 0.4, clipNorm: 1 },
  ...{ adamBeta1: 0.9, adamBeta2: 0.98, adamEps: 1e-6, weightDecay: 0.1 },
};
/** Warm-up takes ⌈0.4 · 7⌉ = 3 of the seven steps, the decay the four that are left. */
const RATES = [1 / 3, 2 / 3, 1, 1, 3 / 4, 2 / 4, 1 / 4].map((part) => 0.01 * part);

interface Reference {
  /** After each step. */
  readonly values: Record<"weight" | "bias", Float64Array>[];
  /** Before clipping. */
  readonly norms: number[];
}

/** AdamW on clipped means, with the rates above. */
function reference(start: Record<Name, Float32Array>): Reference {
  const { adamBeta1, adamBeta2, adamEps, weightDecay, clipNorm } = RECIPE;
  const names = ["weight", "bias"] as const;
  const state = names.map((name) => ({
    value: Float64Array.from(start[name]),
    m: new Float64Array(start[name].length),
    v: new Float64Array(start[name].length),
  }));
  const result: Reference = { values: [], norms: [] };
  for (const [step, sequences] of SEQUENCES.entries()) {
    const gradients = names.map((name) =>
      gradientOf(start[name].length, PHASES[name], sequences).map((value) => value / sequences.length),
    );
    const squares = gradients.map((each) => each.reduce((sum, value) => sum + value * value, 0));
    const norm = Math.sqrt(squares.reduce((sum, value) => sum + value, 0));
    const scale = Math.min(1, clipNorm / norm);
    const rate = RATES[step] ?? Number.NaN;
    for (const [n, name] of names.entries()) {
      const { value, m, v } = state[n] as (typeof state)[number];
      for (let i = 0; i < value.length; i++) {
        const g = scale * (gradients[n]?.[i] ?? Number.NaN);
        m[i] = adamBeta1 * (m[i] ?? 0) + (1 - adamBeta1) * g;
        v[i] = adamBeta2 * (v[i] ?? 0) + (1 - adamBeta2) * g * g;
        const mean = (m[i] ?? 0) / (1 - adamBeta1 ** (step + 1));
        const deviation = Math.sqrt((v[i] ?? 0) / (1 - adamBeta2 ** (step + 1)));
        const decayed = (value[i] ?? 0) * (1 - rate * (name === "weight" ? weightDecay : 0));
        value[i] = decayed - (rate * mean) / (deviation + adamEps);
      }
    }
    result.norms.push(norm);
    const [weight, bias] = state.map(({ value }) => value.slice()) as [Float64Array, Float64Array];
    result.values.push({ weight, bias });
  }
  return result;
}

function startValues(shapes: Shapes): Record<Name, Float32Array> {
  using untrained = new ToyObjective(shapes);
  return untrained.values();
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-arithmetic-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const CADENCE: Cadence = { logEverySteps: 1, evaluateEverySteps: 100, saveEverySteps: 100, saveEveryMinutes: 60 };
let runs = 0;
const newFolder = () => join(folder, `run-${runs++}`);

type Changes = Partial<
  Pick<LoopOptions<ToyStep, { loss: number }>, "totalSteps" | "evaluate" | "keepBest" | "profile" | "signal">
> & {
  out?: string;
  recipe?: Partial<OptimizerRecipe>;
  cadence?: Partial<Cadence>;
  cut?: readonly number[];
  /** Default: small. */
  shapes?: Shapes;
  /** After every step, with the weights as they are then. */
  onStep?: (record: StepRecord, objective: ToyObjective) => void;
  saved?: (step: number) => void;
  evaluation?: (step: number) => void;
  resume?: boolean;
};

/** Trains, and gives what was told of each step and the weights in the end. */
async function train(changes: Changes = {}): Promise<{ records: StepRecord[]; values: Record<Name, Float32Array> }> {
  const { out = newFolder(), cut = [6], onStep, saved, evaluation, resume = false, ...rest } = changes;
  const recipe = { ...RECIPE, ...changes.recipe };
  using objective = new ToyObjective(changes.shapes ?? SMALL);
  using optimizer = new AdamW(objective.parameters, {
    ...{ beta1: recipe.adamBeta1, beta2: recipe.adamBeta2, eps: recipe.adamEps, weightDecay: recipe.weightDecay },
  });
  using run = resume ? openRun(out, recipe) : createRun(out, recipe);
  const records: StepRecord[] = [];
  await trainLoop<ToyStep, { loss: number }>({
    ...{ totalSteps: SEQUENCES.length, evaluate: async () => ({ loss: 1 }), ...rest },
    ...{ run, recipe, objective, optimizer, resume, device: "cpu", cadence: { ...CADENCE, ...changes.cadence } },
    batchesOf: (step) => stepOf(SEQUENCES[step % SEQUENCES.length] ?? [], cut),
    observer: {
      step: (record) => {
        records.push(record);
        onStep?.(record, objective);
      },
      evaluation: (step) => evaluation?.(step),
      saved: (step) => saved?.(step),
    },
  });
  return { records, values: objective.values() };
}

/** f32 has seven digits; a rate, a clip or a moment that is off shows in the first three. */
function expectClose(actual: Float32Array, expected: Float64Array, what: string): void {
  let worst = 0;
  for (const [i, value] of expected.entries()) {
    worst = Math.max(worst, Math.abs((actual[i] ?? Number.NaN) - value) / Math.max(0.1, Math.abs(value)));
  }
  expect(worst, what).toBeLessThan(2e-6);
}

describe("the weights after every step are AdamW's, by lr(step) times the clipped mean of the gradients,", () => {
  async function expectReference(shapes: Shapes, cut: readonly number[]): Promise<void> {
    const live = liveTensors();
    const after: Record<Name, Float32Array>[] = [];
    const start = startValues(shapes);
    const { values, norms } = reference(start);
    const onStep = (_: StepRecord, objective: ToyObjective) => void after.push(objective.values());
    const { records } = await train({ shapes, cut, onStep });
    for (const [step, expected] of values.entries()) {
      expectClose(after[step]?.weight as Float32Array, expected.weight, `weight after step ${step + 1}`);
      expectClose(after[step]?.bias as Float32Array, expected.bias, `bias after step ${step + 1}`);
      expect(after[step]?.still).toEqual(start.still);
      const norm = norms[step] ?? Number.NaN;
      expect(Math.abs((records[step]?.gradientNorm ?? Number.NaN) / norm - 1)).toBeLessThan(1e-5);
    }
    expect(norms.map((norm) => norm > RECIPE.clipNorm)).toEqual([false, true, false, true, false, true, true]);
    expect(liveTensors()).toBe(live);
  }

  test.each([
    ["whole", [6]],
    ["in fours and twos", [4, 2]],
    ["unevenly", [1, 3]],
    ["one by one", [1]],
  ])("cut %s", (_, cut) => expectReference(SMALL, cut));

  test.each([1, 2])("with threads: %i", async (threads) => {
    const before = engineInfo().threads;
    setThreads(threads);
    onTestFinished(() => setThreads(before));
    await expectReference(LARGE, [4, 2]);
  });
});

describe("what is told of a step", () => {
  test("are its own rate, the means of its losses, and their weighted sum", async () => {
    const { records } = await train({ cut: [4, 2] });
    expect(records.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    for (const [i, record] of records.entries()) {
      const sequences = SEQUENCES[i] as number[];
      const mean = (of: (sequence: number) => number) =>
        sequences.reduce((sum, each) => sum + of(each), 0) / sequences.length;
      const [first, second] = LOSSES.map(({ of }) => mean(of)) as [number, number];
      expect(record.learningRate).toBeCloseTo(RATES[i] ?? Number.NaN, 12);
      expect(record.losses.first).toBeCloseTo(first, 5);
      expect(record.losses.second).toBeCloseTo(second, 5);
      expect(record.loss).toBeCloseTo(2 * (record.losses.first ?? 0) + 0.5 * (record.losses.second ?? 0), 9);
      expect(record.totalSteps).toBe(7);
    }
  });

  test("are the tokens so far, and the time that is left at the speed of now", async () => {
    const { records } = await train();
    expect(records.map(({ tokens }) => tokens)).toEqual([18, 36, 54, 72, 90, 108, 114]);
    for (const { step, tokens, tokensPerSecond, etaSeconds } of records) {
      expect(tokensPerSecond).toBeGreaterThan(0);
      expect(etaSeconds * tokensPerSecond).toBeCloseTo((7 - step) * (tokens / step), 6);
    }
  });
});

describe("warm-up takes the share of the steps, rounded up:", () => {
  test.each([
    { share: 0, totalSteps: 4, parts: [1, 3 / 4, 2 / 4, 1 / 4] },
    { share: 0.1, totalSteps: 5, parts: [1, 1, 3 / 4, 2 / 4, 1 / 4] }, // half a step
    { share: 0.5, totalSteps: 4, parts: [1 / 2, 1, 1, 1 / 2] },
    { share: 0.25, totalSteps: 6, parts: [1 / 2, 1, 1, 3 / 4, 2 / 4, 1 / 4] }, // one and a half
    { share: 0.34, totalSteps: 3, parts: [1 / 2, 1, 1] }, // hardly more than one
    { share: 1, totalSteps: 3, parts: [1 / 3, 2 / 3, 1] },
  ])("$share of $totalSteps", async ({ share, totalSteps, parts }) => {
    const { records } = await train({ totalSteps, recipe: { warmupShare: share, steps: totalSteps } });
    for (const [i, part] of parts.entries()) expect(records[i]?.learningRate).toBeCloseTo(0.01 * part, 12);
    expect(records).toHaveLength(parts.length);
  });
});

describe("a run that is cut short and resumed", () => {
  const bytesOf = ({ buffer }: Float32Array) => Buffer.from(buffer);

  test.each([0, 1, 3, 6])("after step %i ends with the same bits", async (stop) => {
    const whole = await train({ cut: [4, 2] });
    const out = newFolder();
    const crash = ({ step }: StepRecord) => {
      if (step === stop + 1) throw new Error("as if killed");
    };
    await expect(
      train({
        out,
        cut: [4, 2],
        cadence: stop === 0 ? { saveEveryMinutes: 0 } : { saveEverySteps: stop },
        onStep: crash,
      }),
    ).rejects.toThrow("as if killed");
    const resumed = await train({ out, cut: [4, 2], resume: true });
    for (const name of ["weight", "bias", "still"] as const) {
      expect(bytesOf(resumed.values[name]).equals(bytesOf(whole.values[name])), name).toBe(true);
    }
    const told = ({ tokensPerSecond: _speed, etaSeconds: _eta, ...record }: StepRecord) => record;
    expect(resumed.records.map(told)).toEqual(whole.records.slice(stop).map(told));
  });

  test("before anything was saved begins anew, and ends with the same bits", async () => {
    const [whole, out] = [await train(), newFolder()];
    const crash = () => {
      throw new Error("as if killed");
    };
    await expect(train({ out, onStep: crash })).rejects.toThrow("as if killed");
    const resumed = await train({ out, resume: true });
    expect(resumed.records.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(bytesOf(resumed.values.weight).equals(bytesOf(whole.values.weight))).toBe(true);
  });

  test.each([
    [0, "before the first step"],
    [3, "after step 3, which is saved"],
  ])("by a signal after step %i says so, and ends with the same bits", async (stop, words) => {
    const [whole, out, controller] = [await train({ cut: [1] }), newFolder(), new AbortController()];
    if (stop === 0) controller.abort();
    const onStep = ({ step }: StepRecord) => void (step === stop && controller.abort());
    await expect(train({ out, cut: [1], signal: controller.signal, onStep })).rejects.toThrow(
      `interrupted ${words}: go on with --resume --out ${out}`,
    );
    const resumed = await train({ out, cut: [1], resume: true });
    expect(resumed.records[0]?.step).toBe(stop + 1);
    expect(bytesOf(resumed.values.weight).equals(bytesOf(whole.values.weight))).toBe(true);
  });
});

describe("the best weights", () => {
  /** Scores at 0, 2, 4, 6 and 7 steps: two are the best. */
  const SCORES = new Map([
    [0, 1],
    [2, 3],
    [4, 2],
    [6, 3],
    [7, 0],
  ]);
  const scored: Changes = {
    evaluate: async (step) => ({ loss: SCORES.get(step) ?? Number.NaN }),
    keepBest: ({ loss }) => loss,
    cadence: { evaluateEverySteps: 2 },
  };

  /** What `restoreBest` puts into a model that was never trained. */
  function bestOf(out: string): Float32Array {
    using run = openRun(out);
    using objective = new ToyObjective(SMALL);
    restoreBest(run, objective.model);
    return objective.values().weight;
  }

  async function weightsAfter(step: number): Promise<Float32Array> {
    const weights: Float32Array[] = [];
    await train({ onStep: (_, objective) => void weights.push(objective.values().weight) });
    return weights[step - 1] as Float32Array;
  }

  test("are those of the first of the best evaluations, which is saved at once", async () => {
    const [out, saved] = [newFolder(), [] as number[]];
    await train({ ...scored, out, saved: (step) => void saved.push(step) });
    expect(saved).toEqual([0, 2, 7]);
    expect(bestOf(out)).toEqual(await weightsAfter(2));
  });

  test("are kept by a run that is cut short and resumed", async () => {
    const out = newFolder();
    const crash = ({ step }: StepRecord) => {
      if (step === 5) throw new Error("as if killed");
    };
    await expect(train({ ...scored, out, onStep: crash })).rejects.toThrow("as if killed");
    await train({ ...scored, out, resume: true });
    expect(bestOf(out)).toEqual(await weightsAfter(2));
  });

  test("are not kept unless they are asked for", async () => {
    const out = newFolder();
    await train({ ...scored, keepBest: undefined, out });
    expect(() => bestOf(out)).toThrow("expected a checkpoint that keeps the best weights");
  });
});

test("weights that the last update has made too large to be weights are not saved, whatever the evaluation says", async () => {
  const out = newFolder();
  const recipe = { peakLearningRate: 1e30, warmupShare: 0, steps: 1 };
  await expect(train({ out, totalSteps: 1, recipe })).rejects.toThrow(
    `${out}: after step 1 the weights' norm is Infinity: expected finite values; no checkpoint was saved yet.`,
  );
  expect(readdirSync(join(out, "checkpoints"))).toEqual([]);
});

describe("the cadence", () => {
  const stepsOf = async (changes: Changes) => {
    const [evaluated, saved]: [number[], number[]] = [[], []];
    const out = newFolder();
    await train({
      ...{ out, evaluation: (step) => void evaluated.push(step), saved: (step) => void saved.push(step) },
      ...changes,
    });
    const logged = readMetrics(join(out, "metrics.jsonl")).filter((record) => "learningRate" in record);
    return { evaluated, saved, logged: logged.map(({ step }) => step), files: readdirSync(out) };
  };

  test("evaluates before the first step, saves and logs at their steps, and does all three at the end", async () => {
    const cadence = { logEverySteps: 2, evaluateEverySteps: 3, saveEverySteps: 4 };
    expect(await stepsOf({ cadence })).toMatchObject({
      evaluated: [0, 3, 6, 7],
      saved: [4, 7],
      logged: [2, 4, 6, 7],
    });
  });

  test("does none of them twice where the last step is one of theirs", async () => {
    const cadence = { logEverySteps: 7, evaluateEverySteps: 7, saveEverySteps: 7 };
    expect(await stepsOf({ cadence })).toMatchObject({ evaluated: [0, 7], saved: [7], logged: [7] });
  });

  test("leaves the untrained model alone where it is told to", async () => {
    const cadence = { evaluateEverySteps: 3, evaluatesUntrained: false };
    expect((await stepsOf({ cadence })).evaluated).toEqual([3, 6, 7]);
  });

  test("gives TensorBoard every logged step, and every evaluation", async () => {
    const out = newFolder();
    await train({ out, cadence: { logEverySteps: 2, evaluateEverySteps: 3 } });
    const [name = ""] = readdirSync(out).filter((file) => file.startsWith("events.out.tfevents"));
    const text = readFileSync(join(out, name), "latin1");
    const times = (tag: string) => text.split(tag).length - 1;
    const ofSteps = ["loss/total", "loss/first", "loss/second", "train/learningRate", "train/gradientNorm"];
    expect(ofSteps.map(times)).toEqual([4, 4, 4, 4, 4]); // After 2, 4, 6 and 7 steps.
    expect(times("heldOut/loss")).toBe(4); // After 0, 3, 6 and 7.
  });

  test("saves by the clock too", async () => {
    expect((await stepsOf({ cadence: { saveEveryMinutes: 0 } })).saved).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test("profiles only where it is asked to", async () => {
    expect((await stepsOf({})).files).not.toContain("profile.json");
  });
});
