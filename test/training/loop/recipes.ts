import type { PretrainRecipe } from "../../../src/recipes/pretrain-recipe.js";

/** A BERT of two layers for the small corpus, with dropout: what is random must be the same after resuming. */
export const smallPretraining: PretrainRecipe = {
  kind: "pretrain",
  initFrom: null,
  layers: 2,
  hiddenSize: 16,
  heads: 2,
  intermediateSize: 32,
  maxPositions: 24,
  dropout: 0.1,
  initializerRange: 0.1,
  positions: "random",
  tilePositions: null,
  sequenceLength: 24,
  positionShift: 0,
  pack: "full-sentences",
  maskShare: 0.15,
  maskSmoothing: 0,
  stepSequences: 8,
  microBatchTokens: 96, // Two micro-batches a step.
  epochs: null,
  steps: 12,
  peakLearningRate: 3e-3,
  warmupShare: 0.1,
  adamBeta1: 0.9,
  adamBeta2: 0.98,
  adamEps: 1e-6,
  weightDecay: 0.01,
  clipNorm: 1,
  precision: "float32",
  seed: 3,
};
