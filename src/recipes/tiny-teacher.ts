import type { PretrainRecipe } from "./pretrain-recipe.js";

/**
 * The embedded teacher's shape, 12 layers of 128, pretrained from scratch in hours on two cores. All of it is ours [U].
 *
 * scripts/pretrain-teacher.sh runs it in stages, each starting from the last: 3, 6, then 12 layers (progressive
 * stacking, Gong et al. 2019).
 */
export const tinyTeacher: PretrainRecipe = {
  kind: "pretrain",
  initFrom: null,
  layers: 12,
  hiddenSize: 128,
  heads: 2, // BERT's 64 a head
  intermediateSize: 512,
  maxPositions: 512,
  initializerRange: 0.05, // BERT's 0.02 · √(768 / 128): products start as large as BERT-base's.
  positions: "sinusoidal", // Neighbours are found sooner.
  tilePositions: null,
  dropout: 0, // The data is not seen twice: nothing to regularise.
  sequenceLength: 128,
  positionShift: 0,
  pack: "full-sentences",
  maskShare: 0.15,
  maskSmoothing: 0,
  stepSequences: 32,
  microBatchTokens: 4096,
  epochs: null,
  steps: 3000,
  peakLearningRate: 1e-3,
  warmupShare: 0.05,
  adamBeta1: 0.9,
  adamBeta2: 0.98,
  adamEps: 1e-6,
  weightDecay: 0.01,
  clipNorm: 1,
  precision: "auto",
  seed: 1,
};

/** BERT-base from scratch: masked language modelling alone, in RoBERTa's setting. */
export const bertBasePretraining: PretrainRecipe = {
  ...tinyTeacher,
  hiddenSize: 768, // Devlin et al. 2019, section 3
  heads: 12,
  intermediateSize: 3072,
  initializerRange: 0.02, // Devlin et al.'s code
  positions: "random",
  dropout: 0.1, // Devlin et al. 2019, appendix A.2
  sequenceLength: 512,
  stepSequences: 256, // Devlin et al. 2019, appendix A.2
  microBatchTokens: 4096,
  steps: 1_000_000, // Devlin et al. 2019, appendix A.2
  peakLearningRate: 1e-4,
  warmupShare: 0.01,
};
