import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AblateFolders, ablateEntries } from "../../src/experiments/task-entries.js";
import { taskRecipes } from "../../src/experiments/task-recipes.js";
import { EMBEDDED_TEACHER } from "../../src/hub/embedded-teacher.js";

let folder: string;
let all: Required<Omit<AblateFolders, "tasks">>;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-ablate-tasks-"));
  const files = ["glue/RTE/train.tsv", "glue/RTE/dev.tsv", "glue/SST-2/train.tsv", "glue/SST-2/dev.tsv"];
  const others = ["imdb/train.tsv", "imdb/test.tsv", "squad/train-v1.1.json", "squad/dev-v1.1.json"];
  for (const file of [...files, ...others]) {
    mkdirSync(join(folder, file, ".."), { recursive: true });
    writeFileSync(join(folder, file), "");
  }
  all = { glue: join(folder, "glue"), imdb: join(folder, "imdb"), squad: join(folder, "squad") };
});
afterAll(() => rmSync(folder, { recursive: true }));

const namesOf = (flags: AblateFolders) => ablateEntries(flags).map(({ name }) => name);

describe("the tasks of an ablation", () => {
  test("are those of the folders that are given, GLUE's first", () => {
    expect(namesOf(all)).toEqual(["rte", "sst2", "imdb", "squad"]);
    expect(namesOf({ squad: all.squad })).toEqual(["squad"]);
  });

  test("are of GLUE only those that are named, named ones that are not there too", () => {
    expect(namesOf({ ...all, tasks: ["rte", "cola"] })).toEqual(["cola", "rte", "imdb", "squad"]);
    expect(namesOf({ ...all, tasks: ["SQuAD"] })).toEqual(["imdb", "squad"]);
  });

  test.each<[what: string, flags: () => AblateFolders, message: RegExp]>([
    ["no folder", () => ({}), /^--glue: expected a folder of tasks here, or in --imdb or --squad/],
    ["a task whose folder is not given", () => ({ glue: all.glue, tasks: ["imdb"] }), /^--imdb: expected the folder/],
    ["tasks of GLUE without its folder", () => ({ imdb: all.imdb, tasks: ["rte"] }), /^--glue: expected the folder of/],
    ["a folder without its task", () => ({ squad: all.imdb }), /no SQuAD 1\.1 here/],
  ])("%s is refused", (_, flags, message) => {
    expect(() => ablateEntries(flags())).toThrow(message);
  });
});

describe("the recipes of its tasks", () => {
  const recipesOf = (set: Record<string, unknown>, flags: AblateFolders = all, recipe?: string) =>
    taskRecipes(
      { recipe, set, options: { recipe: "--recipe", set: "--set" } },
      { tasks: ablateEntries(flags), model: EMBEDDED_TEACHER },
    );

  test("are by kind and size, and changed for all or for one, which goes before", async () => {
    const { first, all: recipes, others } = await recipesOf({ epochs: 1, "squad.epochs": 2, "rte.steps": 7 });
    expect(first).toBe(recipes.rte);
    expect(recipes.rte).toMatchObject({ sequenceLength: 128, epochs: null, steps: 7 });
    expect(recipes.sst2).toMatchObject({ sequenceLength: 128, epochs: 1, peakLearningRate: 3e-4 });
    expect(recipes.squad).toMatchObject({ sequenceLength: 384, epochs: 2 });
    expect(Object.keys(others)).toEqual(["sst2", "imdb", "squad"]);
  });

  test("are of texts the one that is named, and of questions never", async () => {
    const { all: recipes } = await recipesOf({}, all, "finetune-base");
    expect(recipes.imdb).toMatchObject({ peakLearningRate: 3e-5 });
    expect(recipes.squad).toMatchObject({ sequenceLength: 384, peakLearningRate: 3e-4 });
    await expect(recipesOf({}, { squad: all.squad }, "finetune-base")).rejects.toThrow(/^--recipe: .* got SQuAD alone/);
  });

  test("of one kind are no others", async () => {
    expect((await recipesOf({ epochs: 1 }, { glue: all.glue })).others).toEqual({});
  });

  test.each([
    ["a task that is not there", { "sqad.epochs": 1 }, /got sqad\.epochs\. Did you mean squad\?/],
    ["a seed of its own", { "rte.seed": 2 }, /^--set: expected one seed for all tasks/],
    ["a key nobody knows", { "rte.epoch": 2 }, /Did you mean epochs\?/],
  ])("%s is refused", async (_, set, message) => {
    await expect(recipesOf(set)).rejects.toThrow(message);
  });
});
