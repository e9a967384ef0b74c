import type { Command } from "commander";
import type { OptimizerRecipe } from "../../recipes/training-recipe.js";
import { printResult } from "../display/output.js";
import { whole } from "../display/quantities.js";

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
  const { ConfigError } = await import("../../errors.js");
  const recipe = Object.hasOwn(recipes, name) ? recipes[name] : undefined;
  if (recipe === undefined) {
    throw new ConfigError(`recipes: expected one of ${Object.keys(recipes).join(", ")}; got ${name}.`);
  }
  const { recipeSources } = await import("../flags/recipe-sources.js");
  const sources = await recipeSources(recipe);
  const valueWidth = Math.max(...Object.values(recipe).map((value) => JSON.stringify(value).length));
  const lines = Object.entries(recipe).map(([key, value]): [string, string] => [
    key,
    `${JSON.stringify(value).padEnd(valueWidth)}  ${sources.get(key) ?? ""}`.trimEnd(),
  ]);
  printResult(recipe, { json, lines });
}

function summaryOf({
  kind,
  steps,
  epochs,
  stepSequences,
  sequenceLength,
}: OptimizerRecipe & {
  kind: string;
  sequenceLength: number;
}): string {
  const length = steps === null ? `${epochs} epochs` : `${whole(steps)} steps`;
  return `limbeck ${kind.padEnd(8)}  ${length}, ${whole(stepSequences)} sequences of up to ${sequenceLength} tokens a step`;
}
