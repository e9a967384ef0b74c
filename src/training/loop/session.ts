import { setImmediate as yieldToEvents } from "node:timers/promises";
import { AdamW } from "../../engine/optim/adamw.js";
import type { FlatParameters } from "../../engine/optim/flat-parameters.js";
import { tidy } from "../../engine/tensor/scope.js";
import { assertModelFolderReplaceable } from "../../hub/folder.js";
import { saveMaskedLm } from "../../hub/model-loading.js";
import type { MaskedLm } from "../../models/masked-lm.js";
import { type OptimizerRecipe, productDType, type TrainingRecipe } from "../../recipes/training-recipe.js";
import { createRun, isRun, openRun, type Run } from "../../runs/run.js";
import { evaluateHeldOut, type HeldOutResult } from "./evaluate-held-out.js";
import { type Cadence, type Evaluation, interruptedRun, type Observer, trainLoop } from "./loop.js";
import type { Objective, StepData } from "./objective.js";
import type { TrainingCorpus } from "./training-corpus.js";

/** What is known before the first step; times are measured on this machine. */
export interface Estimate {
  totalSteps: number;
  microBatchesPerStep: number;
  tokens: number;
  /** Trained and held parameters. */
  parameters: number;
  /** Peak memory of the process with everything loaded and one micro-batch done. */
  memoryBytes: number;
  /** Of the steps that are left. */
  seconds: number;
}

export interface SessionOptions<E extends Evaluation = HeldOutResult> {
  out: string;
  resume: boolean;
  device: string;
  cadence: Cadence;
  observer: Observer<E> & { estimate(estimate: Estimate): void };
  /** Whether to record where the time of a few steps goes, to profile.json in the run directory. Default: no. */
  profile?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

export interface SessionResult {
  run: string;
  model: string;
  heldOut: HeldOutResult;
}

/**
 * Takes the run directory for this process: a new one, or with `resume` the run that is there.
 *
 * @throws ConfigError or FormatError as createRun and openRun do, or where the model could not be written in the end
 */
export function takeRun(out: string, recipe: OptimizerRecipe, resume: boolean): Run {
  // A run killed before its first moment was over has nothing to resume from: it starts.
  const run = resume && isRun(out) ? openRun(out, recipe) : createRun(out, recipe);
  try {
    assertModelFolderReplaceable(run.modelPath);
    return run;
  } catch (error) {
    run.close();
    throw error;
  }
}

/**
 * Runs `body`, which stops where the signal aborts.
 *
 * @throws Interrupted then, naming the step that is saved
 */
export async function interruptible<T>(run: Run, signal: AbortSignal | undefined, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!(signal?.aborted && error === signal.reason)) throw error;
    throw interruptedRun(run, run.checkpointSteps[0] ?? 0);
  }
}

/**
 * Estimates, trains, and writes the model folder.
 *
 * @throws Interrupted when the signal aborts, after saving
 */
export async function runSession(
  run: Run,
  recipe: TrainingRecipe,
  corpus: TrainingCorpus,
  objective: Objective & { model: MaskedLm },
  options: SessionOptions & { card(heldOut: HeldOutResult): string },
): Promise<SessionResult> {
  const { device, signal, observer } = options;
  using optimizer = adamWOf(recipe, objective.parameters);
  let last: HeldOutResult | null = null;
  const evaluate = async () => {
    const onProgress = (done: number, total: number) => observer.evaluating?.(done, total);
    const settings = { dtype: productDType(recipe), device, signal, onProgress };
    last = await evaluateHeldOut(objective.model, corpus.heldOut, settings);
    return last;
  };
  const heldOut = await interruptible(run, signal, async () => {
    observer.estimate(await estimate(run, corpus, objective, signal));
    const { totalSteps, batchesOf } = corpus;
    await trainLoop({ ...options, run, recipe, totalSteps, objective, optimizer, batchesOf, evaluate });
    return last ?? (await evaluate()); // A run that was done already has not evaluated again.
  });
  await saveMaskedLm(run.modelPath, objective.model, { tokenizer: corpus.tokenizer, card: options.card(heldOut) });
  return { run: run.directory, model: run.modelPath, heldOut };
}

/** The optimizer that a recipe asks for. */
export function adamWOf(recipe: OptimizerRecipe, parameters: FlatParameters): AdamW {
  return new AdamW(parameters, {
    beta1: recipe.adamBeta1,
    beta2: recipe.adamBeta2,
    eps: recipe.adamEps,
    weightDecay: recipe.weightDecay,
  });
}

/** Rehearses the first micro-batch, which is the largest, and leaves no trace. */
export async function estimate<S extends StepData>(
  run: Run,
  { totalSteps, batchesOf }: { totalSteps: number; batchesOf(step: number): S },
  objective: Objective<S> & { model: { parameterCount(): number } },
  signal: AbortSignal | undefined,
): Promise<Estimate> {
  const batches = batchesOf(0);
  const secondsPerToken = await rehearse(batches, objective, signal);
  const stepsLeft = totalSteps - (run.checkpointSteps[0] ?? 0);
  return {
    totalSteps,
    microBatchesPerStep: batches.microBatches.length,
    tokens: batches.tokenCount * totalSteps,
    parameters: objective.model.parameterCount(),
    memoryBytes: process.resourceUsage().maxRSS * 1024,
    seconds: secondsPerToken * batches.tokenCount * stepsLeft,
  };
}

/** Seconds a real token takes. The first time, memory is fetched and kernels are chosen; only the second counts. */
async function rehearse<S extends StepData>(
  batches: S,
  objective: Objective<S>,
  signal: AbortSignal | undefined,
): Promise<number> {
  const [batch] = batches.microBatches;
  if (batch === undefined) return 0;
  let seconds = 0;
  for (let time = 0; time < 2; time++) {
    await yieldToEvents();
    signal?.throwIfAborted();
    const startMs = performance.now();
    tidy(() => [objective.microStep(batch, batches).toFloat32Array()]);
    seconds = (performance.now() - startMs) / 1000;
  }
  objective.parameters.gradients.zero_();
  return seconds / batch.tokenCount;
}
