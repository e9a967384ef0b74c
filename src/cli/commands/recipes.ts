import { readdirSync, readFileSync } from "node:fs";
import type { Command } from "commander";
import { ConfigError } from "../../errors.js";
import { whole } from "../../quantities.js";
import type { OptimizerRecipe } from "../../recipes/training-recipe.js";
import { printResult } from "../display/output.js";

export function registerRecipes(program: Command): void {
  program
    .command("recipes")
    .summary("list the recipes, or print one with the source of each value")
    .description(
      "Without a name, lists the recipes that come with Limbeck. With one, prints its values and where each comes from: [P] the paper, [C] the authors' code, [U] ours. With --json, the recipe alone: a file to change and give to --recipe.",
    )
    .argument("[name]", "a recipe")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExample:\n  $ limbeck recipes nano --json > mine.json\n  $ limbeck distill --recipe mine.json --data data --out run",
    )
    .action(run);
}

async function run(name: string | undefined, { json }: { json?: boolean }): Promise<void> {
  const { recipes } = await import("../../recipes/recipes.js");
  if (name === undefined) {
    const lines = Object.entries(recipes).map(([name, recipe]): [string, string] => [name, summaryOf(recipe)]);
    printResult(recipes, { json, lines });
    return;
  }
  const recipe = Object.hasOwn(recipes, name) ? recipes[name] : undefined;
  if (recipe === undefined) {
    throw new ConfigError(`recipes: expected one of ${Object.keys(recipes).join(", ")}; got ${name}.`);
  }
  const sources = await recipeSources(recipe);
  const valueWidth = Math.max(...Object.values(recipe).map((value) => JSON.stringify(value).length));
  const lines = Object.entries(recipe).map(([key, value]): [string, string] => [
    key,
    `${JSON.stringify(value).padEnd(valueWidth)}  ${sources.get(key) ?? ""}`.trimEnd(),
  ]);
  printResult(recipe, { json, lines });
}

function summaryOf(recipe: OptimizerRecipe & { kind: string; sequenceLength: number }): string {
  const { kind, steps, epochs, stepSequences, sequenceLength } = recipe;
  const length = steps === null ? `${epochs} epochs` : `${whole(steps)} steps`;
  return `limbeck ${kind.padEnd(8)}  ${length}, ${whole(stepSequences)} sequences of up to ${sequenceLength} tokens a step`;
}

const FOLDER = new URL("../../recipes/", import.meta.url);

/** A recipe as its module is written: what it takes over from another, and the comment behind each key. */
interface WrittenRecipe {
  base: string | null;
  comments: ReadonlyMap<string, string>;
}

/**
 * Where each value of a shipped recipe comes from: the comment behind it, in the module that defines it.
 *
 * The comment stands where the value does, so that the two are changed together; this reads it there.
 */
export async function recipeSources(recipe: object): Promise<ReadonlyMap<string, string>> {
  const written = new Map<string, WrittenRecipe>();
  let name: string | null = null;
  for (const file of readdirSync(FOLDER).filter((file) => /\.[jt]s$/.test(file) && !file.endsWith(".d.ts"))) {
    const module: Record<string, unknown> = await import(new URL(file, FOLDER).href);
    name ??= Object.keys(module).find((key) => module[key] === recipe) ?? null;
    for (const [key, block] of writtenRecipes(readFileSync(new URL(file, FOLDER), "utf8"))) written.set(key, block);
  }
  return name === null ? new Map() : inherited(name, written);
}

/** Finds `export const NAME = { ...BASE, key: value, // comment }`. */
function writtenRecipes(source: string): [string, WrittenRecipe][] {
  const blocks = source.matchAll(/^export const (\w+)(?:: \w+)? = \{\n(.*?)^\};/gms);
  return [...blocks].map(([, name = "", body = ""]) => {
    const lines = body.matchAll(/^\s+(\w+): .*?(?:\/\/ (.*))?$/gm);
    const comments = new Map([...lines].map(([, key = "", comment = ""]) => [key, comment]));
    return [name, { base: /^\s+\.\.\.(\w+),/m.exec(body)?.[1] ?? null, comments }];
  });
}

/** A key without a comment hides its base's: the value is another. */
function inherited(name: string, written: ReadonlyMap<string, WrittenRecipe>): ReadonlyMap<string, string> {
  const { base = null, comments = new Map() } = written.get(name) ?? {};
  return base === null ? comments : new Map([...inherited(base, written), ...comments]);
}
