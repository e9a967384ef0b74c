import { distilbertBase } from "./distilbert-base.js";
import type { DistillRecipe } from "./distill-recipe.js";

/**
 * Minutes on two cores, for a teacher of the embedded one's size: the authors' losses, at a budget that shows them.
 *
 * Everything that is not named here is as in `distilbert-base`.
 */
export const nano: DistillRecipe = {
  ...distilbertBase,
  teacherLayers: null, // [U] evenly spaced, whatever the teacher's depth
  copyHeadTransform: true, // [U] a good start matters more when there are few steps
  foldTokenType: true, // [U] the student's first forward pass is then its teacher's
  freezePositions: false, // [U]
  dropout: 0, // [U] the data is not seen twice
  sequenceLength: 128, // [U]
  pack: "full-sentences", // [U] no position is padding
  maskSmoothing: 0, // [U] few steps, and held-out text is masked uniformly: docs/LOG.md, 2026-11-24
  stepSequences: 32, // [U] 4,096 tokens a step
  microBatchTokens: 4096, // [U]
  epochs: null,
  steps: 300, // [U] minutes
  peakLearningRate: 1e-3, // [U] small models take larger steps
  clipNorm: 1, // [U]
};
