import { setImmediate as yieldToEvents } from "node:timers/promises";
import type { AdamW } from "../../engine/optim/adamw.js";
import { clipGradientNorm } from "../../engine/optim/clip.js";
import { linearWarmupDecay } from "../../engine/optim/schedules.js";
import { phase } from "../../engine/tensor/profile.js";
import { keep, tidy } from "../../engine/tensor/scope.js";
import type { Tensor } from "../../engine/tensor/tensor.js";
import { Interrupted, RunError } from "../../errors.js";
import type { Cadence } from "../../recipes/cadence.js";
import type { OptimizerRecipe } from "../../recipes/training-recipe.js";
import type { MetricsLog } from "../../runs/metrics-log.js";
import type { Run } from "../../runs/run.js";
import { EventWriter } from "../../runs/tensorboard.js";
import { checkpointContent, initialState, type LoopState, restoreLatest } from "./loop-state.js";
import type { Objective, StepData } from "./objective.js";
import { Speedometer } from "./speedometer.js";
import { type StepProfile, StepProfiler } from "./step-profiler.js";

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

/** What an evaluation found: its figures by name, and the loss, which must be finite. */
export type Evaluation = Readonly<Record<string, number>> & { readonly loss: number };

/** Whoever watches the run. */
export interface Observer<E extends Evaluation> {
  /** After every step, logged or not. */
  step(record: StepRecord): void;
  /** While it evaluates: sequences done, of all. */
  evaluating(done: number, total: number): void;
  evaluation(step: number, result: E): void;
  saved(step: number): void;
  /** Once, where the run has steps to profile. */
  profiled(profile: StepProfile): void;
}

export interface LoopOptions<S extends StepData, E extends Evaluation> {
  run: Run;
  recipe: OptimizerRecipe;
  totalSteps: number;
  objective: Objective<S>;
  optimizer: AdamW;
  /** Whether to go on from the latest checkpoint. */
  resume: boolean;
  device: string;
  batchesOf(step: number): S;
  /** @param step optimizer steps done */
  evaluate(step: number): Promise<E>;
  /** How good an evaluation is: checkpoints keep the weights of the best, for `restoreBest`. Default: none are kept. */
  keepBest?: ((result: E) => number) | undefined;
  cadence: Cadence;
  observer: Partial<Observer<E>>;
  /** Whether to record where the time of a few steps goes, to profile.json. */
  profile?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** @param step of the checkpoint that is saved, 0 before the first */
export function interruptedRun({ directory }: Run, step: number): Interrupted {
  const when = step === 0 ? "before the first step" : `after step ${step}, which is saved`;
  return new Interrupted(`interrupted ${when}: go on with --resume --out ${directory}`, step);
}

/**
 * Trains to the last step: evaluate? save? batches, step, log.
 *
 * @throws Interrupted when `signal` aborts, after saving
 * @throws RunError when a loss is not finite, naming the step, the batch and the last good checkpoint
 * @throws StorageError when the disk is full; the last checkpoint is still there
 */
export async function trainLoop<S extends StepData, E extends Evaluation>(
  options: LoopOptions<S, E>,
): Promise<LoopState> {
  const { run, totalSteps, cadence, observer, signal } = options;
  const { evaluatesUntrained = true } = cadence;
  const restored = options.resume ? restoreLatest(run, options) : null;
  const state = restored ?? initialState();
  const resumedAt = restored?.step ?? null;
  using profiler = options.profile ? new StepProfiler(run, { done: state.step, total: totalSteps }) : null;
  using events = new EventWriter(run.directory, resumedAt);
  const metrics = run.openMetrics(state.metricsBytes);
  const speed = new Speedometer(state.elapsedMs);
  const saved = { step: resumedAt, evaluatedStep: state.evaluatedStep, atMs: performance.now() };
  const save = () => {
    const { step, evaluatedStep } = state;
    if (saved.step === step && saved.evaluatedStep === evaluatedStep) return;
    refuseBadWeights(run, step, options.objective);
    state.metricsBytes = metrics.bytes;
    run.saveCheckpoint(step, checkpointContent(options, state));
    Object.assign(saved, { step, evaluatedStep, atMs: performance.now() });
    observer.saved?.(step);
  };
  try {
    while (true) {
      const isDone = state.step >= totalSteps;
      const isEvaluated = state.step % cadence.evaluateEverySteps === 0 && (state.step > 0 || evaluatesUntrained);
      if ((isDone || isEvaluated) && state.evaluatedStep !== state.step) {
        const result = await options.evaluate(state.step);
        refuseBadEvaluation(run, state.step, result);
        recordEvaluation(metrics, events, state.step, result);
        observer.evaluation?.(state.step, result);
        state.evaluatedStep = state.step;
        const score = options.keepBest?.(result);
        if (score !== undefined && !(state.best !== null && state.best.score >= score))
          state.best = { step: state.step, score };
      }
      const isBest = state.best?.step === state.step;
      const isDue = performance.now() - saved.atMs >= cadence.saveEveryMinutes * 60_000;
      if (isDone || isDue || isBest || (state.step > 0 && state.step % cadence.saveEverySteps === 0)) save();
      if (isDone) return state;
      speed.startLap();
      profiler?.beginStep(state.step);
      const batches = phase("data", () => options.batchesOf(state.step));
      const measured = await optimizerStep(options, state.step, batches);
      profiler?.endStep();
      state.step += 1;
      state.tokens += batches.tokenCount;
      speed.endLap(batches.tokenCount);
      state.elapsedMs = speed.elapsedMs;
      const record = stepRecord(options, state, { ...measured, tokensPerSecond: speed.tokensPerSecond });
      const isLogged = state.step === totalSteps || state.step % cadence.logEverySteps === 0;
      if (isLogged) recordStep(metrics, events, record);
      observer.step?.(record);
      const profile = profiler?.take(state.step) ?? null;
      if (profile !== null) observer.profiled?.(profile);
    }
  } catch (error) {
    if (!(signal?.aborted && error === signal.reason)) throw error;
    save(); // The step under way is dropped: the weights are those after the last whole step.
    throw interruptedRun(run, state.step);
  }
}

/** One optimizer step: every micro-batch's share of the gradient, clipped, then AdamW. */
async function optimizerStep<S extends StepData, E extends Evaluation>(
  { objective, optimizer, recipe, totalSteps, signal, run }: LoopOptions<S, E>,
  step: number,
  batches: S,
): Promise<{ losses: number[]; gradientNorm: number }> {
  const { gradients } = objective.parameters;
  gradients.zero_();
  const shares: Tensor[] = [];
  try {
    for (const batch of batches.microBatches) {
      await yieldToEvents();
      signal?.throwIfAborted();
      shares.push(keep(tidy(() => objective.microStep(batch, batches))));
    }
    const gradientNorm = phase("optimizer", () => clipGradientNorm(gradients, recipe.clipNorm));
    const perBatch = shares.map((share) => [...share.toFloat32Array()]);
    if (!Number.isFinite(gradientNorm) || perBatch.flat().some((value) => !Number.isFinite(value))) {
      throw notFinite(run, step, objective, perBatch, gradientNorm);
    }
    phase("optimizer", () => optimizer.step(learningRateOf(recipe, totalSteps, step)));
    return {
      losses: objective.losses.map((_, i) => perBatch.reduce((sum, share) => sum + (share[i] ?? 0), 0)),
      gradientNorm,
    };
  } finally {
    for (const share of shares) share.dispose();
  }
}

function learningRateOf({ peakLearningRate, warmupShare }: OptimizerRecipe, totalSteps: number, step: number): number {
  return linearWarmupDecay({ peakLearningRate, warmupSteps: Math.ceil(warmupShare * totalSteps), totalSteps }, step);
}

/** @param step counted from 0; named as progress and metrics do, which count steps done */
function notFinite(
  run: Run,
  step: number,
  objective: Pick<Objective, "losses">,
  perBatch: number[][],
  norm: number,
): RunError {
  const bad = perBatch.findIndex((share) => share.some((value) => !Number.isFinite(value)));
  const what =
    bad < 0
      ? `the gradient norm is ${norm}`
      : `micro-batch ${bad} gave ${objective.losses.map(({ name }, i) => `${name} ${perBatch[bad]?.[i]}`).join(", ")}`;
  return stopped(run, `step ${step + 1}: ${what}`);
}

/** Weights can overflow in the very last update, which no loss has seen yet. */
function refuseBadWeights(run: Run, step: number, { parameters }: Pick<Objective, "parameters">): void {
  const norm = tidy(() => [parameters.values.norm().item()])[0];
  if (!Number.isFinite(norm)) throw stopped(run, `after step ${step} the weights' norm is ${norm}`);
}

function refuseBadEvaluation(run: Run, step: number, { loss }: Evaluation): void {
  if (!Number.isFinite(loss)) throw stopped(run, `after step ${step} the held-out loss is ${loss}`);
}

function stopped(run: Run, what: string): RunError {
  const [good] = run.checkpointSteps;
  const checkpoint =
    good === undefined
      ? "no checkpoint was saved yet"
      : `the last good checkpoint is ${run.directory}/checkpoints/step-${good}`;
  return new RunError(
    `${run.directory}: ${what}: expected finite values; ${checkpoint}. Lower the learning rate or use float32, in a new run.`,
  );
}

function stepRecord(
  { objective, recipe, totalSteps }: Pick<LoopOptions<StepData, Evaluation>, "objective" | "recipe" | "totalSteps">,
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

/** loss is recorded as heldOutLoss, and so on. */
function recordEvaluation(metrics: MetricsLog, events: EventWriter, step: number, result: Evaluation): void {
  const named = (prefix: (name: string) => string) =>
    Object.fromEntries(Object.entries(result).map(([name, value]) => [prefix(name), value]));
  metrics.append({ step, ...named((name) => `heldOut${name.charAt(0).toUpperCase()}${name.slice(1)}`) });
  events.scalars(
    step,
    named((name) => `heldOut/${name}`),
  );
}
