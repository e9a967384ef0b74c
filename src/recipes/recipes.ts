import { ConfigError } from "../errors.js";
import { distilbertBase } from "./distilbert-base.js";
import { type DistillRecipe, distillRecipe } from "./distill-recipe.js";
import { finetuneBase, finetuneNano, squadBase, squadNano } from "./finetune-base.js";
import { type FinetuneRecipe, finetuneRecipe } from "./finetune-recipe.js";
import { nano } from "./nano.js";
import { type PretrainRecipe, pretrainRecipe } from "./pretrain-recipe.js";
import { bertBasePretraining, tinyTeacher } from "./tiny-teacher.js";
import { parseRecipe } from "./training-recipe.js";

type Recipe = DistillRecipe | PretrainRecipe | FinetuneRecipe;

/** Every shipped recipe, by name. */
export const recipes: Readonly<Record<string, Recipe>> = {
  "distilbert-base": distilbertBase,
  nano,
  "bert-base": bertBasePretraining,
  "tiny-teacher": tinyTeacher,
  "finetune-base": finetuneBase,
  "squad-base": squadBase,
  "finetune-nano": finetuneNano,
  "squad-nano": squadNano,
};

/** A shipped recipe with some keys changed, checked whole. */
export function distillRecipeNamed(name: string, changes: Record<string, unknown> = {}): DistillRecipe {
  return parseRecipe(distillRecipe, { ...named(name, "distill"), ...changes }, `recipe ${name}`);
}

/** A shipped pretraining recipe with some keys changed, checked whole. */
export function pretrainRecipeNamed(name: string, changes: Record<string, unknown> = {}): PretrainRecipe {
  return parseRecipe(pretrainRecipe, { ...named(name, "pretrain"), ...changes }, `recipe ${name}`);
}

/** A shipped recipe for fine-tuning with some keys changed, checked whole. */
export function finetuneRecipeNamed(name: string, changes: Record<string, unknown> = {}): FinetuneRecipe {
  return parseRecipe(finetuneRecipe, { ...named(name, "finetune"), ...changes }, `recipe ${name}`);
}

function named(name: string, kind: Recipe["kind"]): Recipe {
  const recipe = recipes[name];
  if (recipe?.kind === kind) return recipe;
  const known = Object.keys(recipes).filter((other) => recipes[other]?.kind === kind);
  throw new ConfigError(`recipe: expected one to ${kind}: ${known.join(", ")}; got ${name}.`);
}
