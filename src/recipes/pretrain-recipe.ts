import { z } from "zod";
import { trainingFields } from "./training-recipe.js";

const count = z.number().int().positive();

/** Everything that decides a pretrained model, but the data. */
export const pretrainRecipe = z.strictObject({
  ...trainingFields,
  kind: z.literal("pretrain"),
  /**
   * Where weights start: a model folder or Hub id, or null for random ones. A shallower model is stacked: layer i
   * starts as its layer i mod L (progressive stacking, Gong et al. 2019).
   */
  initFrom: z.string().nullable(),
  layers: count,
  hiddenSize: count,
  heads: count,
  intermediateSize: count,
  maxPositions: count,
  dropout: z.number().min(0).max(1),
  /** Standard deviation of the initial weights. */
  initializerRange: z.number().positive(),
  /** How the position embeddings start: drawn like the others, or as sinusoids of the same size; both are learned. */
  positions: z.enum(["random", "sinusoidal"]),
  /**
   * Positions from this one on start as copies of those before it, again and again; null leaves them as they are. For
   * initFrom where that has only seen sequences of this length: longer ones need not be learned from nothing.
   *
   * Source: Beltagy et al. 2020 (Longformer), section 5.
   */
  tilePositions: count.nullable(),
});
export type PretrainRecipe = z.infer<typeof pretrainRecipe>;
