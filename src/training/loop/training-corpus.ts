import { type Dataset, openDataset } from "../../data/dataset.js";
import { heldOutBatches, type StepBatches, stepBatches, stepsOf } from "../../data/masked-batches.js";
import { createMasker, type Masker } from "../../data/masking.js";
import { documentSequences, packedSequences, type SequenceSource } from "../../data/sequences.js";
import { ConfigError, FormatError } from "../../errors.js";
import { defaultHeldOutSequences } from "../../recipes/cadence.js";
import type { TrainingRecipe } from "../../recipes/training-recipe.js";
import type { Sources } from "../../runs/sources.js";
import { loadTokenizer, type Tokenizer } from "../../text/tokenizer.js";

/** A prepared corpus as a recipe trains on it. */
export interface TrainingCorpus extends Disposable {
  readonly dataset: Dataset;
  readonly tokenizer: Tokenizer;
  readonly totalSteps: number;
  batchesOf(step: number): StepBatches;
  /** Held-out sequences with fixed masks: the same for every recipe of this sequence length and packing. */
  readonly heldOut: StepBatches;
}

/**
 * The dataset that is given, or the one a run was begun with.
 *
 * @throws ConfigError when there is neither
 */
export function datasetOf(given: string | undefined, begun: Sources | null): string {
  const data = given ?? begun?.data.path;
  if (data !== undefined) return data;
  throw new ConfigError('data: expected a dataset that "limbeck prepare" wrote, got nothing. Give its folder.');
}

/** BERT's masks, whatever the recipe's: teacher and student, pretraining and distillation can be compared. */
const heldOutMasks = { seed: 0, share: 0.15, smoothing: 0 };

/**
 * Opens a dataset that `prepare` wrote, for the recipe's sequences, masks and steps.
 *
 * @throws FormatError when it is not a dataset, or damaged
 * @throws ConfigError when a split holds nothing to train or evaluate on
 */
export async function openCorpus(
  folder: string,
  recipe: TrainingRecipe,
  { heldOutSequences = defaultHeldOutSequences }: { heldOutSequences?: number | undefined },
): Promise<TrainingCorpus> {
  const dataset = openDataset(folder);
  try {
    const tokenizer = await tokenizerOf(dataset);
    const source = sequencesOf(dataset, "train", tokenizer, recipe);
    const { seed, stepSequences, microBatchTokens, positionShift } = recipe;
    const masker = maskerOf(dataset, tokenizer, { share: recipe.maskShare, smoothing: recipe.maskSmoothing });
    const shared = { padId: tokenizer.ids.pad, microBatchTokens };
    const heldOut = heldOutBatches({
      ...shared,
      masker: maskerOf(dataset, tokenizer, heldOutMasks),
      source: sequencesOf(dataset, "heldout", tokenizer, recipe),
      seed: heldOutMasks.seed,
      sequences: heldOutSequences,
    });
    if (heldOut.maskedCount === 0) {
      throw new ConfigError(
        `${folder}: every held-out token is [UNK]. Prepare it with a tokenizer that knows the text.`,
      );
    }
    return {
      dataset,
      tokenizer,
      totalSteps: recipe.steps ?? stepsOf(source, stepSequences, recipe.epochs ?? 1),
      batchesOf: (step) => stepBatches({ ...shared, masker, source, seed, step, stepSequences, positionShift }),
      heldOut,
      [Symbol.dispose]: () => dataset.close(),
    };
  } catch (error) {
    dataset.close();
    throw error;
  }
}

async function tokenizerOf({ tokenizerFolder, manifest, folder }: Dataset): Promise<Tokenizer> {
  const tokenizer = await loadTokenizer(tokenizerFolder);
  const [expected, got] = [manifest.tokenizer.hash, tokenizer.hash].map((hash) => hash.slice(0, 12));
  if (expected === got) return tokenizer;
  throw new FormatError(
    folder,
    `its tokenizer is not the one it was prepared with: expected ${expected}, got ${got}. Prepare the corpus again.`,
  );
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

function maskerOf(
  dataset: Dataset,
  tokenizer: Tokenizer,
  { share, smoothing }: { share: number; smoothing: number },
): Masker {
  return createMasker({
    vocabSize: tokenizer.vocabSize,
    maskId: tokenizer.ids.mask,
    specialIds: tokenizer.specialIds,
    tokenCounts: dataset.tokenCounts,
    share,
    smoothing,
  });
}

/**
 * Checks that a model reads the corpus as it was prepared.
 *
 * @throws ConfigError when its tokenizer is another
 */
export function checkSameTokenizer(
  { path, tokenizer }: { path: string; tokenizer: Tokenizer },
  { dataset, tokenizer: own }: TrainingCorpus,
): void {
  if (tokenizer.hash === own.hash) return;
  const [expected, got] = [own, tokenizer].map((each) => `${each.vocabSize} tokens, ${each.hash.slice(0, 12)}`);
  throw new ConfigError(
    `${dataset.folder}: prepared with another tokenizer (${expected}) than that of ${path} (${got}). Prepare the corpus again with --tokenizer ${path}.`,
  );
}
