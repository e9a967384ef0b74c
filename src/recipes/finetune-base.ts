import type { LabelledKind } from "../kinds/kinds.js";
import type { FinetuneRecipe } from "./finetune-recipe.js";

/**
 * GLUE, IMDb and a user's own texts, for models of BERT-base's and DistilBERT's size.
 *
 * The paper does not say how it fine-tuned. Values are BERT's (Devlin et al. 2019, appendix A.3: 16 or 32 a batch, 5e-5,
 * 3e-5 or 2e-5, 2 to 4 epochs) and of Hugging Face's run_glue.py (128 tokens, 3 epochs); [C] marks the authors' own.
 */
export const finetuneBase: FinetuneRecipe = {
  kind: "finetune",
  sequenceLength: 128,
  windowStride: 128,
  maxAnswerLength: 30,
  nBest: 20,
  nullThreshold: 0,
  trainExamples: null,
  dropout: null,
  stepSequences: 32,
  microBatchTokens: 4096,
  epochs: 3,
  steps: null,
  evaluationsPerEpoch: 1,
  keep: "best",
  alphaHard: 0.5, // [C] run_squad_w_distillation.py
  alphaSoft: 0.5, // [C]
  temperature: 2, // [C]
  peakLearningRate: 3e-5,
  warmupShare: 0.1, // Devlin et al. 2019, appendix A.2: warm-up, then linear decay
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEps: 1e-8,
  weightDecay: 0.01,
  clipNorm: 1,
  precision: "auto",
  seed: 1,
};

/** SQuAD, for models of that size: windows of 384 tokens that share 128, as BERT's run_squad.py. */
export const squadBase: FinetuneRecipe = {
  ...finetuneBase,
  sequenceLength: 384,
  epochs: 2,
  keep: "last",
};

/** As finetune-base, for models of the embedded teacher's size: they take larger steps, for longer (Turc et al. 2019). */
export const finetuneNano: FinetuneRecipe = {
  ...finetuneBase,
  epochs: 4,
  peakLearningRate: 3e-4,
};

/** As squad-base, for models of the embedded teacher's size. */
export const squadNano: FinetuneRecipe = {
  ...squadBase,
  epochs: 3,
  peakLearningRate: 3e-4,
};

/** What the names of a kind's default recipes begin with. */
export const RECIPE_FAMILIES: Readonly<Record<LabelledKind, "finetune" | "squad">> = {
  classification: "finetune",
  regression: "finetune",
  "question-answering": "squad",
};
