import { z } from "zod";
import { trainingFields } from "./training-recipe.js";

const weight = z.number().min(0);

/** Everything that decides a student, but the teacher and the data. */
export const distillRecipe = z.strictObject({
  ...trainingFields,
  kind: z.literal("distill"),
  studentLayers: z.number().int().positive(),
  /** Where the student's layers start: from the teacher's, or from random weights. */
  initialisation: z.enum(["teacher", "random"]),
  /** The teacher's layer that each student layer starts from, counted from 0; null takes them evenly spaced. */
  teacherLayers: z.array(z.number().int().min(0)).nullable(),
  /** Whether the head's transform and norm are copied too. */
  copyHeadTransform: z.boolean(),
  /** Whether the teacher's token type 0 is added to the student's positions, as the student has no token types. */
  foldTokenType: z.boolean(),
  /** Whether the student's position embeddings stay as they are. */
  freezePositions: z.boolean(),
  /** Of the student: embeddings, attention weights and feed-forward outputs. */
  dropout: z.number().min(0).max(1),
  temperature: z.number().positive(),
  alphaCe: weight,
  alphaMlm: weight,
  alphaCos: weight,
  /** Whether L_ce is taken over the masked positions only. */
  restrictCeToMask: z.boolean(),
});
export type DistillRecipe = z.infer<typeof distillRecipe>;
