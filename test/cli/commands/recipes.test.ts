import { expect, test } from "vitest";
import { recipeSources } from "../../../src/cli/commands/recipes.js";
import { recipes } from "../../../src/recipes/recipes.js";
import { limbeck } from "../limbeck.js";

test("every shipped recipe is listed", async () => {
  const { stdout } = await limbeck(["recipes"]);
  expect(stdout.match(/^\S+/gm)).toEqual(Object.keys(recipes));
});

test("--json prints the recipe as it is", async () => {
  const { stdout } = await limbeck(["recipes", "distilbert-base", "--json"]);
  expect(JSON.parse(stdout)).toEqual(recipes["distilbert-base"]);
});

test("a recipe is printed with the source of each value", async () => {
  const { stdout } = await limbeck(["recipes", "nano"]);
  expect(stdout).toMatch(/^temperature +2 +\[C\]$/m); // As in distilbert-base.
  expect(stdout).toMatch(/^steps +300 +\[U\] minutes$/m); // Its own.
  expect(stdout).toMatch(/^epochs +null$/m); // Its own too: the source of the other's 3 would be wrong.
});

test("every value of the paper's recipe has a source", async () => {
  const recipe = recipes["distilbert-base"] ?? {};
  const sources = await recipeSources(recipe);
  const without = Object.keys(recipe).filter((key) => !/^\[[PCU]\]/.test(sources.get(key) ?? ""));
  expect(without).toEqual(["kind", "steps"]); // What it is, and what epochs say instead.
});

test("an unknown recipe is refused, with the names there are", async () => {
  const { status, stderr } = await limbeck(["recipes", "nanno"]);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^limbeck: recipes: expected one of .*nano.*; got nanno\.\n$/);
});

test("the list as JSON holds the recipes", async () => {
  const { stdout } = await limbeck(["recipes", "--json"]);
  expect(JSON.parse(stdout)).toEqual(recipes);
});
