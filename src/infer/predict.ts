import type { Kind, OfKinds } from "../kinds/kinds.js";
import { type Answer, answerSettled, type Question } from "./answer.js";
import { type Classification, classifySettled } from "./classify.js";
import { embedSettled } from "./embed.js";
import { type FilledMask, fillMaskSettled } from "./fill-mask.js";
import type { Settled, TextPair } from "./inputs.js";
import type { Model, RunOptions } from "./model.js";

/** What a pipeline is given. */
export type PredictInput = string | TextPair | Question;

/** What a pipeline says of an input. */
export type Predictions = OfKinds<{
  readonly "masked-words": readonly FilledMask[];
  readonly classification: Classification;
  readonly regression: Classification;
  readonly "question-answering": Answer;
  readonly embedding: Float32Array;
}>;

/** What any of the pipelines may be told: each takes what is its own. */
interface PredictOptions extends RunOptions {
  /** Candidates for each [MASK]. */
  readonly top?: number | undefined;
  /** Whether vectors are scaled to length 1. */
  readonly normalize?: boolean | undefined;
  readonly mayBeUnanswerable?: boolean | undefined;
  readonly nullThreshold?: number | undefined;
}

type Pipeline<P> = (model: Model, inputs: readonly PredictInput[], options: PredictOptions) => Promise<Settled<P>[]>;

// Inputs that are no texts are errors in their place: pipelines look themselves.
const classify: Pipeline<Classification> = (model, inputs, options) =>
  classifySettled(model, inputs as (string | TextPair)[], options);

const PIPELINES: { readonly [K in Kind]: Pipeline<Predictions[K]> } = {
  "masked-words": (model, inputs, options) => fillMaskSettled(model, inputs as string[], options),
  classification: classify,
  regression: classify,
  "question-answering": (model, inputs, { top: _, ...options }) => answerSettled(model, inputs as Question[], options),
  embedding: (model, inputs, options) => embedSettled(model, inputs as string[], options),
};

/**
 * Runs the pipeline of a kind; an input that cannot be run has its error in the place of its result.
 *
 * @throws ConfigError when the model was exported for another task
 */
export function predictSettled<K extends Kind>(
  model: Model,
  kind: K,
  inputs: readonly PredictInput[],
  options: PredictOptions = {},
): Promise<Settled<Predictions[K]>[]> {
  const pipeline: Pipeline<Predictions[K]> = PIPELINES[kind];
  return pipeline(model, inputs, options);
}
