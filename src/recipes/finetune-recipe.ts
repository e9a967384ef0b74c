import { z } from "zod";
import { ConfigError } from "../errors.js";
import { optimizerFields } from "./training-recipe.js";

const count = z.number().int().positive();

/** Everything that decides a fine-tuned model, but the data, the model it starts from and the teacher. */
export const finetuneRecipe = z.strictObject({
  ...optimizerFields,
  kind: z.literal("finetune"),
  /** Tokens of a sequence, special ones included: longer texts are cut, longer passages become several windows. */
  sequenceLength: z.number().int().min(8),
  /** Question answering: tokens of the passage that two windows share. */
  windowStride: z.number().int().min(0),
  /** Question answering: answers are not longer, in tokens. */
  maxAnswerLength: count,
  /** Question answering: starts and ends that are tried in each window. */
  nBest: count,
  /** Questions count as unanswerable where the null score beats the best answer's by more (SQuAD 2.0). */
  nullThreshold: z.number(),
  /** Training examples that are used, drawn with seed 0 whatever the seed; null for all. */
  trainExamples: count.nullable(),
  /** Of the encoder, and of heads that have none of their own; null leaves what the model's config.json says. */
  dropout: z.number().min(0).max(1).nullable(),
  /** Evaluations on the validation set in every epoch, evenly spaced; 0.5 is one every second epoch. */
  evaluationsPerEpoch: z.number().positive(),
  /** Which weights are the result: those of the best evaluation, or the last. */
  keep: z.enum(["best", "last"]),
  /** Weight of the loss on the data's own labels beside a teacher; without one it is the whole loss. */
  alphaHard: z.number().min(0),
  /** Weight of the loss on the teacher's logits: the second step of distillation. Without a teacher it is not used. */
  alphaSoft: z.number().min(0),
  /** Of the softmax of both models in the soft loss. */
  temperature: z.number().positive(),
});
export type FinetuneRecipe = z.infer<typeof finetuneRecipe>;

/** @throws ConfigError when a teacher was given that nothing would be learned from */
export function checkLosses({ alphaSoft }: FinetuneRecipe, teacher: string | null): void {
  if (teacher === null || alphaSoft > 0) return;
  throw new ConfigError("alphaSoft: expected more than 0 with a teacher, got 0. Raise it, or leave the teacher out.");
}
