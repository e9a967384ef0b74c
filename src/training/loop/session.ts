import { setImmediate as yieldToEvents } from "node:timers/promises";
import { AdamW } from "../../engine/optim/adamw.js";
import type { FlatParameters } from "../../engine/optim/flat-parameters.js";
import { checkDevice } from "../../engine/tensor/device.js";
import { tidy } from "../../engine/tensor/scope.js";
import { assertModelFolderReplaceable } from "../../hub/folder.js";
import { saveMaskedLm } from "../../hub/model-loading.js";
import type { MaskedLm } from "../../models/masked-lm.js";
import { type Cadence, defaultCadence } from "../../recipes/cadence.js";
import { type OptimizerRecipe, productDType, type TrainingRecipe } from "../../recipes/training-recipe.js";
import { createRun, isRun, openRun, type Run } from "../../runs/run.js";
import { evaluateHeldOut, type HeldOutResult } from "./evaluate-held-out.js";
import { type Evaluation, interruptedRun, type Observer, trainLoop } from "./loop.js";
import type { Objective, StepData } from "./objective.js";
import { observeProgress, type RunProgress } from "./progress.js";
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

/** Whoever watches a run; what is not of interest is left out. */
export interface RunObserver<E extends Evaluation> extends Observer<E> {
  /** Before the first step. */
  estimate(estimate: Estimate): void;
}

/** How a run goes; nothing but `device` changes the result, and that within rounding. */
export interface SessionOptions<E extends Evaluation = HeldOutResult> {
  /** A new run directory, or with `resume` the one to go on in. */
  out: string;
  /** Whether to go on from the last checkpoint in `out`. Default: no. */
  resume?: boolean | undefined;
  /** "cpu", "cuda" or "cuda:N". Default: "cpu". */
  device?: string | undefined;
  /** Default: logs every 10 steps, evaluates every 100, saves every 500 and every 10 minutes. */
  cadence?: Partial<Cadence> | undefined;
  observer?: Partial<RunObserver<E>> | undefined;
  /** Told after every step, and while it evaluates: what a line of progress shows. */
  onProgress?: ((progress: RunProgress) => void) | undefined;
  /** Whether to record where the time of a few steps goes, to profile.json in the run directory. Default: no. */
  profile?: boolean | undefined;
  /** Where it aborts, the run saves and ends with Interrupted. */
  signal?: AbortSignal | undefined;
}

/** Options with nothing left open. */
export type Session<E extends Evaluation = HeldOutResult> = ReturnType<typeof sessionOf<E>>;

/**
 * Fills in what was left open.
 *
 * @throws ConfigError when the engine has no such device
 */
export function sessionOf<E extends Evaluation>(options: SessionOptions<E>) {
  const { out, resume = false, device = "cpu", profile = false, signal, onProgress, observer = {} } = options;
  checkDevice(device);
  const given = Object.entries(options.cadence ?? {}).filter(([, value]) => value !== undefined);
  const cadence: Cadence = { ...defaultCadence, ...Object.fromEntries(given) };
  const told: Partial<RunObserver<E>> =
    onProgress === undefined
      ? observer
      : { ...observeProgress(observer, onProgress), estimate: (estimate) => observer.estimate?.(estimate) };
  return { out, resume, device, cadence, observer: told, profile, signal };
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
export function takeRun({ out, resume }: Pick<Session, "out" | "resume">, recipe: OptimizerRecipe): Run {
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
  options: Session & { card(heldOut: HeldOutResult): string },
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
    observer.estimate?.(await estimate(run, corpus, objective, signal));
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
