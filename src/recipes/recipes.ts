import { type DistillRecipe, distillRecipe } from "../distill/recipe.js";
import { ConfigError } from "../errors.js";
import { type PretrainRecipe, pretrainRecipe } from "../train/pretrain.js";
import { parseRecipe } from "../train/recipe.js";
import { distilbertBase } from "./distilbert-base.js";
import { nano } from "./nano.js";
import { bertBasePretraining, tinyTeacher } from "./tiny-teacher.js";

/** Every shipped recipe, by name. */
export const recipes: Readonly<Record<string, DistillRecipe | PretrainRecipe>> = {
  "distilbert-base": distilbertBase,
  nano,
  "bert-base": bertBasePretraining,
  "tiny-teacher": tinyTeacher,
};

/** A shipped recipe with some keys changed, checked whole. */
export function distillRecipeNamed(name: string, changes: Record<string, unknown> = {}): DistillRecipe {
  return parseRecipe(distillRecipe, { ...named(name, "distill"), ...changes }, `recipe ${name}`);
}

/** A shipped pretraining recipe with some keys changed, checked whole. */
export function pretrainRecipeNamed(name: string, changes: Record<string, unknown> = {}): PretrainRecipe {
  return parseRecipe(pretrainRecipe, { ...named(name, "pretrain"), ...changes }, `recipe ${name}`);
}

function named(name: string, kind: "distill" | "pretrain"): DistillRecipe | PretrainRecipe {
  const recipe = recipes[name];
  if (recipe?.kind === kind) return recipe;
  const known = Object.keys(recipes).filter((other) => recipes[other]?.kind === kind);
  throw new ConfigError(`recipe: expected one to ${kind}: ${known.join(", ")}; got ${name}.`);
}
