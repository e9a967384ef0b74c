import type { DistillRecipe } from "./distill-recipe.js";

/**
 * DistilBERT as its authors trained it, for a BERT-base teacher on English Wikipedia and books.
 *
 * [P] stated in the paper (Sanh et al. 2019), [C] found only in the authors' code, [U] ours to decide.
 */
export const distilbertBase: DistillRecipe = {
  kind: "distill",
  studentLayers: 6, // [P] half the layers
  initialisation: "teacher", // [P]
  teacherLayers: [0, 2, 4, 7, 9, 11], // [C] one layer out of two [P]
  copyHeadTransform: false, // [C] off by default
  foldTokenType: false, // [C] token types are dropped
  freezePositions: true, // [C] frozen in effect, by the sinusoidal flag
  dropout: 0.1, // [C]
  temperature: 2, // [C]
  alphaCe: 5, // [C]
  alphaMlm: 2, // [C]
  alphaCos: 1, // [C]
  restrictCeToMask: false, // [C]
  sequenceLength: 512, // [P] up to 512 word pieces
  positionShift: 0, // [C] none
  pack: "none", // [C] a line is a sequence, grouped by length
  maskShare: 0.15, // [P]
  maskSmoothing: 0.7, // [C]
  stepSequences: 4000, // [P] up to 4,000
  microBatchTokens: 4096, // [U] memory
  epochs: 3, // [C]
  steps: null,
  peakLearningRate: 5e-4, // [C]
  warmupShare: 0.05, // [C]
  adamBeta1: 0.9, // [C]
  adamBeta2: 0.98, // [C]
  adamEps: 1e-6, // [C]
  weightDecay: 0, // [C]
  clipNorm: 5, // [C]
  precision: "auto", // [U] the authors' fp16 option is off by default
  seed: 56, // [C]
};
