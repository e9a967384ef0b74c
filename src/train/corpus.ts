import { heldOutBatches, type StepBatches, stepBatches, stepsOf } from "../data/batches.js";
import { type Dataset, openDataset } from "../data/dataset.js";
import { createMasker, type Masker } from "../data/masking.js";
import { documentSequences, packedSequences, type SequenceSource } from "../data/sequences.js";
import { ConfigError } from "../errors.js";
import { loadTokenizer, type Tokenizer } from "../text/tokenizer.js";
import type { TrainingRecipe } from "./recipe.js";

/** A prepared corpus as a recipe trains on it. */
export interface TrainingCorpus extends Disposable {
  readonly dataset: Dataset;
  readonly tokenizer: Tokenizer;
  readonly totalSteps: number;
  batchesOf(step: number): StepBatches;
  /** Held-out sequences with fixed masks: the same for every model and seed of a sequence length. */
  readonly heldOut: StepBatches;
}

/** The held-out masks do not follow the run's seed, so that runs can be compared. */
const heldOutSeed = 0;

/** Opens a dataset that `prepare` wrote, for the recipe's sequences, masks and steps. */
export async function openCorpus(
  folder: string,
  recipe: TrainingRecipe,
  options: { heldOutSequences: number },
): Promise<TrainingCorpus> {
  const dataset = openDataset(folder);
  const tokenizer = await loadTokenizer(dataset.tokenizerFolder);
  const source = sequencesOf(dataset, "train", tokenizer, recipe);
  const masker = maskerOf(dataset, tokenizer, recipe);
  const shared = { masker, padId: tokenizer.ids.pad, microBatchTokens: recipe.microBatchTokens };
  return {
    dataset,
    tokenizer,
    totalSteps: recipe.steps ?? stepsOf(source, recipe.stepSequences, recipe.epochs ?? 1),
    batchesOf: (step) =>
      stepBatches({ ...shared, source, seed: recipe.seed, step, stepSequences: recipe.stepSequences }),
    heldOut: heldOutBatches({
      ...shared,
      source: sequencesOf(dataset, "heldout", tokenizer, recipe),
      seed: heldOutSeed,
      sequences: options.heldOutSequences,
    }),
    [Symbol.dispose]: () => dataset.close(),
  };
}

function sequencesOf(
  dataset: Dataset,
  split: "train" | "heldout",
  tokenizer: Tokenizer,
  recipe: TrainingRecipe,
): SequenceSource {
  const options = { sequenceLength: recipe.sequenceLength, ids: tokenizer.ids };
  const stream = dataset.split(split);
  if (stream.tokenCount === 0) {
    throw new ConfigError(`${dataset.folder}: the ${split} split is empty. Prepare more text: at least two documents.`);
  }
  return recipe.pack === "none" ? documentSequences(stream, options) : packedSequences(stream, options);
}

function maskerOf(dataset: Dataset, tokenizer: Tokenizer, recipe: TrainingRecipe): Masker {
  return createMasker({
    vocabSize: tokenizer.vocabSize,
    maskId: tokenizer.ids.mask,
    specialIds: tokenizer.specialIds,
    tokenCounts: dataset.tokenCounts,
    share: recipe.maskShare,
    smoothing: recipe.maskSmoothing,
  });
}
