import { setImmediate as yieldToEvents } from "node:timers/promises";
import { saveMaskedLm } from "../checkpoint/model.js";
import { createRun, isRun, openRun, type Run } from "../checkpoint/run.js";
import { AdamW } from "../optim/adamw.js";
import { tidy } from "../tensor/scope.js";
import type { TrainingCorpus } from "./corpus.js";
import { evaluateHeldOut, type HeldOutResult } from "./evaluate.js";
import { type Cadence, type Observer, trainLoop } from "./loop.js";
import type { Objective } from "./objective.js";
import { productDType, type TrainingRecipe } from "./recipe.js";

/** What is known before the first step; times are measured on this machine. */
export interface Estimate {
  totalSteps: number;
  microBatchesPerStep: number;
  tokens: number;
  /** Trained and held parameters. */
  parameters: number;
  /** Peak memory of the process with everything loaded and one micro-batch done. */
  memoryBytes: number;
  seconds: number;
}

export interface SessionOptions {
  out: string;
  resume: boolean;
  device: string;
  cadence: Cadence;
  observer: Observer & { estimate(estimate: Estimate): void };
  signal?: AbortSignal | undefined;
}

export interface SessionResult {
  run: string;
  model: string;
  heldOut: HeldOutResult;
}

/**
 * Takes the run directory, so that a wrong one is refused before anything is loaded.
 *
 * @throws ConfigError or FormatError as createRun and openRun do
 */
export function takeRun(out: string, recipe: TrainingRecipe, resume: boolean): Run {
  // A run killed before its first moment was over has nothing to resume from: it starts.
  return resume && isRun(out) ? openRun(out, recipe) : createRun(out, recipe);
}

/** Estimates, trains, and writes the model folder. */
export async function runSession(
  run: Run,
  recipe: TrainingRecipe,
  corpus: TrainingCorpus,
  objective: Objective,
  options: SessionOptions & { card(heldOut: HeldOutResult): string },
): Promise<SessionResult> {
  const { device, signal } = options;
  using optimizer = new AdamW(objective.parameters, {
    beta1: recipe.adamBeta1,
    beta2: recipe.adamBeta2,
    eps: recipe.adamEps,
    weightDecay: recipe.weightDecay,
  });
  options.observer.estimate(await estimate(corpus, objective));
  let heldOut: HeldOutResult | null = null;
  const evaluate = async () => {
    heldOut = await evaluateHeldOut(objective.model, corpus.heldOut, { dtype: productDType(recipe), device, signal });
    return heldOut;
  };
  await trainLoop({
    ...options,
    run,
    recipe,
    totalSteps: corpus.totalSteps,
    objective,
    optimizer,
    batchesOf: corpus.batchesOf,
    evaluate,
  });
  const result = heldOut ?? (await evaluate());
  await saveMaskedLm(run.modelPath, objective.model, { tokenizer: corpus.tokenizer, card: options.card(result) });
  return { run: run.directory, model: run.modelPath, heldOut: result };
}

/** Rehearses one micro-batch twice, the second time with the clock running, and leaves no trace. */
async function estimate(corpus: TrainingCorpus, objective: Objective): Promise<Estimate> {
  const { microBatches, tokenCount, maskedCount } = corpus.batchesOf(0);
  const [batch] = microBatches;
  let seconds = 0;
  for (let i = 0; batch !== undefined && i < 2; i++) {
    await yieldToEvents();
    const startMs = performance.now();
    tidy(() => {
      objective.microStep(batch, { tokenCount, maskedCount });
    });
    seconds = (performance.now() - startMs) / 1000;
  }
  objective.parameters.gradients.zero_();
  return {
    totalSteps: corpus.totalSteps,
    microBatchesPerStep: microBatches.length,
    tokens: tokenCount * corpus.totalSteps,
    parameters: objective.model.parameterCount(),
    memoryBytes: process.resourceUsage().maxRSS * 1024,
    seconds: (seconds * tokenCount * corpus.totalSteps) / (batch?.tokenCount ?? 1),
  };
}
