import { setImmediate as yieldToEvents } from "node:timers/promises";
import { z } from "zod";
import type { MetricsLog } from "../checkpoint/metrics.js";
import { loadWeights, parameterEntries } from "../checkpoint/model.js";
import type { Run } from "../checkpoint/run.js";
import type { TensorEntries } from "../checkpoint/safetensors.js";
import { EventWriter } from "../checkpoint/tensorboard.js";
import type { StepBatches } from "../data/batches.js";
import { Purpose, philox } from "../data/random.js";
import { FormatError, RunError } from "../errors.js";
import type { AdamW } from "../optim/adamw.js";
import { clipGradientNorm } from "../optim/clip.js";
import { linearWarmupDecay } from "../optim/schedules.js";
import { fromBytes } from "../tensor/create.js";
import { manualSeed } from "../tensor/random.js";
import { keep, TensorScope, tidy } from "../tensor/scope.js";
import type { Tensor } from "../tensor/tensor.js";
import type { HeldOutResult } from "./evaluate.js";
import type { Objective } from "./objective.js";
import type { TrainingRecipe } from "./recipe.js";

/** Where the loop stands: state.json of a checkpoint. With the recipe and the data, it is all there is to know. */
const loopState = z.strictObject({
  /** Optimizer steps done. */
  step: z.number().int().min(0),
  /** Real tokens seen. */
  tokens: z.number().int().min(0),
  /** The step of the last evaluation, −1 before the first. */
  evaluatedStep: z.number().int().min(-1),
  /** Time spent training so far, over all resumptions. */
  elapsedMs: z.number().min(0),
});
export type LoopState = z.infer<typeof loopState>;

/** One line of metrics.jsonl and one point of each curve. */
export interface StepRecord {
  step: number;
  totalSteps: number;
  /** Weighted sum of the losses. */
  loss: number;
  losses: Record<string, number>;
  learningRate: number;
  gradientNorm: number;
  tokens: number;
  tokensPerSecond: number;
  etaSeconds: number;
}

/** When things happen; none of it changes the result. */
export interface Cadence {
  logEverySteps: number;
  evaluateEverySteps: number;
  saveEverySteps: number;
  saveEveryMinutes: number;
}

/** Whoever watches the run. */
export interface Observer {
  step(record: StepRecord): void;
  evaluation(step: number, result: HeldOutResult): void;
  saved(step: number): void;
}

export interface LoopOptions {
  run: Run;
  recipe: TrainingRecipe;
  totalSteps: number;
  objective: Objective;
  optimizer: AdamW;
  /** Whether to go on from the latest checkpoint. */
  resume: boolean;
  device: string;
  batchesOf(step: number): StepBatches;
  evaluate(): Promise<HeldOutResult>;
  cadence: Cadence;
  observer: Observer;
  signal?: AbortSignal | undefined;
}

/** The run was asked to stop: it has saved, and can be resumed. */
export class Interrupted extends Error {
  readonly step: number;

  constructor(directory: string, step: number) {
    super(`interrupted after step ${step}, which is saved: go on with --resume --out ${directory}`);
    this.name = "Interrupted";
    this.step = step;
  }
}

/**
 * Trains to the last step: evaluate? save? batches, step, log.
 *
 * @throws Interrupted when `signal` aborts, after saving
 * @throws RunError when a loss is not finite, naming the step, the batch and the last good checkpoint
 */
export async function trainLoop(options: LoopOptions): Promise<void> {
  const { run, totalSteps, cadence, observer, signal } = options;
  const state = options.resume ? restore(options) : initialState();
  const resumedAt = options.resume && state.evaluatedStep >= 0 ? state.step : null;
  using events = new EventWriter(run.directory, resumedAt);
  const metrics = run.openMetrics(resumedAt);
  const speed = new Speedometer(state);
  const saved = { step: resumedAt, atMs: performance.now() };
  const save = () => {
    if (saved.step === state.step) return;
    run.saveCheckpoint(state.step, checkpointContent(options, state));
    Object.assign(saved, { step: state.step, atMs: performance.now() });
    observer.saved(state.step);
  };
  try {
    while (true) {
      const isDone = state.step >= totalSteps;
      if ((isDone || state.step % cadence.evaluateEverySteps === 0) && state.evaluatedStep !== state.step) {
        const result = await options.evaluate();
        recordEvaluation(metrics, events, state.step, result);
        observer.evaluation(state.step, result);
        state.evaluatedStep = state.step;
      }
      const isDue = performance.now() - saved.atMs >= cadence.saveEveryMinutes * 60_000;
      if (isDone || isDue || (state.step > 0 && state.step % cadence.saveEverySteps === 0)) save();
      if (isDone) return;
      speed.start();
      const batches = options.batchesOf(state.step);
      const measured = await optimizerStep(options, state.step, batches);
      state.step += 1;
      state.tokens += batches.tokenCount;
      state.elapsedMs = speed.lap(batches.tokenCount);
      if (state.step === totalSteps || state.step % cadence.logEverySteps === 0) {
        const record = stepRecord(options, state, { ...measured, tokensPerSecond: speed.tokensPerSecond });
        recordStep(metrics, events, record);
        observer.step(record);
      }
    }
  } catch (error) {
    if (!(signal?.aborted && error === signal.reason)) throw error;
    save(); // The step under way is dropped: the weights are those after the last whole step.
    throw new Interrupted(run.directory, state.step);
  }
}

function initialState(): LoopState {
  return { step: 0, tokens: 0, evaluatedStep: -1, elapsedMs: 0 };
}

/** One optimizer step: every micro-batch's share of the gradient, clipped, then AdamW. */
async function optimizerStep(
  { objective, optimizer, recipe, totalSteps, signal, run }: LoopOptions,
  step: number,
  batches: StepBatches,
): Promise<{ losses: number[]; gradientNorm: number }> {
  const { gradients } = objective.parameters;
  gradients.zero_();
  const shares: Tensor[] = [];
  try {
    for (const [index, batch] of batches.microBatches.entries()) {
      await yieldToEvents();
      signal?.throwIfAborted();
      manualSeed(dropoutSeed(recipe.seed, step, index));
      shares.push(keep(tidy(() => objective.microStep(batch, batches))));
    }
    const gradientNorm = clipGradientNorm(gradients, recipe.clipNorm);
    const perBatch = shares.map((share) => [...share.toFloat32Array()]);
    if (!Number.isFinite(gradientNorm) || perBatch.flat().some((value) => !Number.isFinite(value))) {
      throw notFinite(run, step, objective, perBatch, gradientNorm);
    }
    optimizer.step(learningRateOf(recipe, totalSteps, step));
    return {
      losses: objective.losses.map((_, i) => perBatch.reduce((sum, share) => sum + (share[i] ?? 0), 0)),
      gradientNorm,
    };
  } finally {
    for (const share of shares) share.dispose();
  }
}

function learningRateOf({ peakLearningRate, warmupShare }: TrainingRecipe, totalSteps: number, step: number): number {
  return linearWarmupDecay({ peakLearningRate, warmupSteps: Math.ceil(warmupShare * totalSteps), totalSteps }, step);
}

/** Dropout's noise follows from (seed, step, micro-batch) alone, so that a resumed run draws the same. */
function dropoutSeed(seed: number, step: number, microBatch: number): number {
  const words = new Uint32Array(4);
  philox(words, seed, Purpose.dropout, [step, microBatch, 0, 0]);
  return (words[0] ?? 0) + ((words[1] ?? 0) & 0x1fffff) * 2 ** 32;
}

function notFinite(run: Run, step: number, objective: Objective, perBatch: number[][], norm: number): RunError {
  const bad = perBatch.findIndex((share) => share.some((value) => !Number.isFinite(value)));
  const what =
    bad < 0
      ? `the gradient norm is ${norm}`
      : `micro-batch ${bad} gave ${objective.losses.map(({ name }, i) => `${name} ${perBatch[bad]?.[i]}`).join(", ")}`;
  const good = run.checkpointSteps[0];
  const checkpoint =
    good === undefined
      ? "no checkpoint was saved yet"
      : `the last good checkpoint is ${run.directory}/checkpoints/step-${good}`;
  return new RunError(
    `${run.directory}: step ${step}: ${what}: expected finite values; ${checkpoint}. Lower the learning rate or use float32, in a new run.`,
  );
}

function stepRecord(
  { objective, recipe, totalSteps }: LoopOptions,
  { step, tokens }: LoopState,
  measured: { losses: number[]; gradientNorm: number; tokensPerSecond: number },
): StepRecord {
  const { losses, gradientNorm, tokensPerSecond } = measured;
  return {
    step,
    totalSteps,
    loss: objective.losses.reduce((sum, { weight }, i) => sum + weight * (losses[i] ?? 0), 0),
    losses: Object.fromEntries(objective.losses.map(({ name }, i) => [name, losses[i] ?? 0])),
    learningRate: learningRateOf(recipe, totalSteps, step - 1),
    gradientNorm,
    tokens,
    tokensPerSecond,
    etaSeconds: ((totalSteps - step) * (tokens / step)) / tokensPerSecond,
  };
}

function recordStep(metrics: MetricsLog, events: EventWriter, record: StepRecord): void {
  const { step, loss, losses, learningRate, gradientNorm, tokens, tokensPerSecond } = record;
  metrics.append({ step, loss, ...losses, learningRate, gradientNorm, tokens, tokensPerSecond });
  const curves = Object.entries(losses).map(([name, value]) => [`loss/${name}`, value]);
  events.scalars(step, {
    "loss/total": loss,
    ...Object.fromEntries(curves),
    "train/learningRate": learningRate,
    "train/gradientNorm": gradientNorm,
    "train/tokensPerSecond": tokensPerSecond,
  });
}

function recordEvaluation(metrics: MetricsLog, events: EventWriter, step: number, result: HeldOutResult): void {
  metrics.append({ step, heldOutLoss: result.loss, heldOutAccuracy: result.accuracy });
  events.scalars(step, { "heldOut/loss": result.loss, "heldOut/accuracy": result.accuracy });
}

function checkpointContent({ objective, optimizer }: LoopOptions, state: LoopState) {
  return {
    model: parameterEntries(objective.model),
    optimizer: momentEntries(optimizer),
    state: { ...state },
  };
}

/** The optimizer's flat buffers, as they are. */
function momentEntries({ firstMoment, secondMoment }: AdamW): TensorEntries {
  return Object.entries({ firstMoment, secondMoment }).map(([name, buffer]) => [
    name,
    { dtype: "float32", shape: buffer.shape, bytes: () => buffer.toBytes() },
  ]);
}

/** Puts model and optimizer back to the latest checkpoint; a run killed before its first begins at step 0. */
function restore({ run, objective, optimizer }: LoopOptions): LoopState {
  using checkpoint = run.latestCheckpoint();
  if (checkpoint === null) return initialState();
  const state = loopState.safeParse(checkpoint.state);
  if (!state.success) throw new FormatError(checkpoint.path, "state.json is not of this kind of run.");
  loadWeights(objective.model, checkpoint.model);
  for (const [name, buffer] of Object.entries({
    firstMoment: optimizer.firstMoment,
    secondMoment: optimizer.secondMoment,
  })) {
    using _scope = new TensorScope();
    const { dtype, shape } = checkpoint.optimizer.entry(name);
    buffer.copy_(fromBytes(checkpoint.optimizer.read(name), shape, { dtype }));
  }
  optimizer.steps = state.data.step;
  return state.data;
}

/** Tokens a second over the last steps, evaluations and pauses left out. */
class Speedometer {
  #elapsedMs: number;
  #startMs = performance.now();
  readonly #laps: { tokens: number; ms: number }[] = [];

  constructor(state: LoopState) {
    this.#elapsedMs = state.elapsedMs;
  }

  start(): void {
    this.#startMs = performance.now();
  }

  /** Ends a step; returns the time trained so far, in milliseconds. */
  lap(tokens: number): number {
    const ms = performance.now() - this.#startMs;
    this.#laps.push({ tokens, ms });
    if (this.#laps.length > 20) this.#laps.shift();
    this.#elapsedMs += ms;
    return this.#elapsedMs;
  }

  get tokensPerSecond(): number {
    const tokens = this.#laps.reduce((sum, lap) => sum + lap.tokens, 0);
    return tokens / (this.#laps.reduce((sum, lap) => sum + lap.ms, 0) / 1000);
  }
}
