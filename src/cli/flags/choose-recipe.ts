import { join } from "node:path";
import type { z } from "zod";
import { ConfigError } from "../../errors.js";
import { recipes } from "../../recipes/recipes.js";
import { type OptimizerRecipe, parseRecipe } from "../../recipes/training-recipe.js";
import { isRun, readRecipe } from "../../runs/run.js";
import { readJsonObject } from "../../storage/json-file.js";
import { nearest } from "../../text/nearest.js";
import type { RunFlags } from "./run-flags.js";

/**
 * The recipe a command line asks for: the named one, or the run's own when it is resumed, or the default; changed by
 * --set.
 *
 * @throws ConfigError when there is none of that name, a key is unknown, or a value is not allowed
 */
export function chooseRecipe<T extends OptimizerRecipe & { kind: string }>(
  { recipe, set = {}, resume = false, out }: Pick<RunFlags, "recipe" | "set" | "resume" | "out">,
  options: { kind: T["kind"]; schema: z.ZodObject & z.ZodType<T>; defaultName: string },
): T {
  const keys = Object.keys(options.schema.shape);
  for (const key of Object.keys(set)) checkKey(key, keys);
  const isResumed = resume && recipe === undefined && isRun(out);
  const { base, where } = isResumed
    ? { base: readRecipe(out), where: join(out, "recipe.json") }
    : namedRecipe(recipe ?? options.defaultName, options.kind);
  if (typeof base.kind === "string" && base.kind !== options.kind) {
    throw new ConfigError(
      `${where}: expected a recipe to ${options.kind}, got one to ${base.kind}. Use "limbeck ${base.kind}".`,
    );
  }
  return parseRecipe(options.schema, { ...base, ...oneLength(set) }, where);
}

function namedRecipe(name: string, kind: string): { base: Readonly<Record<string, unknown>>; where: string } {
  if (/[./\\]/.test(name)) return { base: readJsonObject(name, "a recipe"), where: name };
  const base = recipes[name];
  if (base !== undefined) return { base: { ...base }, where: `recipe ${name}` };
  const known = Object.keys(recipes).filter((other) => recipes[other]?.kind === kind);
  throw new ConfigError(`--recipe: expected ${known.join(", ")}, or a .json file; got ${name}. See "limbeck recipes".`);
}

function checkKey(key: string, known: readonly string[]): void {
  if (known.includes(key)) return;
  const close = nearest(key, known);
  const advice = close === null ? 'See "limbeck recipes NAME" for the keys.' : `Did you mean ${close}?`;
  throw new ConfigError(`--set: expected a key of the recipe, got ${JSON.stringify(key)}. ${advice}`);
}

/** A run's length is given in steps or in epochs: setting one takes the other back. */
function oneLength(set: Readonly<Record<string, unknown>>): Record<string, unknown> {
  if ("steps" in set && !("epochs" in set)) return { ...set, epochs: null };
  if ("epochs" in set && !("steps" in set)) return { ...set, steps: null };
  return { ...set };
}
