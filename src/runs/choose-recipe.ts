import { join } from "node:path";
import type { z } from "zod";
import { ConfigError } from "../errors.js";
import { recipes } from "../recipes/recipes.js";
import { type OptimizerRecipe, parseRecipe } from "../recipes/training-recipe.js";
import { readJsonObject } from "../storage/json-file.js";
import { nearest } from "../text/nearest.js";
import { isRun, readRecipe } from "./run.js";

/** How a caller says which recipe it wants. */
export interface RecipeChoice<T> {
  /** A recipe, the name of a shipped one, or a JSON file. Default: the run's own where it is resumed, else by command. */
  recipe?: string | T | undefined;
  /** Values of it to change: { steps: 100, seed: 7 }. */
  set?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The recipe that a caller asks for: the given or named one, or the run's own when it is resumed, or the default;
 * changed by `set`.
 *
 * @throws ConfigError when there is none of that name, a key is unknown, or a value is not allowed
 */
export function chooseRecipe<T extends OptimizerRecipe & { kind: string }>(
  { recipe, set = {}, resume = false, out }: RecipeChoice<T> & { resume?: boolean | undefined; out: string },
  options: { kind: T["kind"]; schema: z.ZodObject & z.ZodType<T>; defaultName: string },
): T {
  const keys = Object.keys(options.schema.shape);
  for (const key of Object.keys(set)) checkKey(key, keys);
  const isResumed = resume && recipe === undefined && isRun(out);
  const { base, where } = isResumed
    ? { base: readRecipe(out), where: join(out, "recipe.json") }
    : givenRecipe(recipe ?? options.defaultName, options.kind);
  if (typeof base.kind === "string" && base.kind !== options.kind) {
    throw new ConfigError(
      `${where}: expected a recipe to ${options.kind}, got one to ${base.kind}. Use "limbeck ${base.kind.replace("-seeds", " --seeds")}".`,
    );
  }
  return parseRecipe(options.schema, { ...base, ...oneLength(set) }, where);
}

function givenRecipe(given: string | object, kind: string): { base: Readonly<Record<string, unknown>>; where: string } {
  if (typeof given === "object") return { base: { ...given }, where: "recipe" };
  if (/[./\\]/.test(given)) return { base: readJsonObject(given, "a recipe"), where: given };
  const base = recipes[given];
  if (base !== undefined) return { base: { ...base }, where: `recipe ${given}` };
  const known = Object.keys(recipes).filter((other) => recipes[other]?.kind === kind);
  throw new ConfigError(`recipe: expected ${known.join(", ")}, or a .json file; got ${given}. See "limbeck recipes".`);
}

function checkKey(key: string, known: readonly string[]): void {
  if (known.includes(key)) return;
  const close = nearest(key, known);
  const advice = close === null ? 'See "limbeck recipes NAME" for the keys.' : `Did you mean ${close}?`;
  throw new ConfigError(`set: expected a key of the recipe, got ${JSON.stringify(key)}. ${advice}`);
}

/** A run's length is given in steps or in epochs: setting one takes the other back. */
function oneLength(set: Readonly<Record<string, unknown>>): Record<string, unknown> {
  if ("steps" in set && !("epochs" in set)) return { ...set, epochs: null };
  if ("epochs" in set && !("steps" in set)) return { ...set, steps: null };
  return { ...set };
}
