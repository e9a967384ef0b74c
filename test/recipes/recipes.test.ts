import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/errors.js";
import { cpuHasBfloat16 } from "../../src/processor.js";
import { distillRecipeNamed, finetuneRecipeNamed, pretrainRecipeNamed, recipes } from "../../src/recipes/recipes.js";

const named = { distill: distillRecipeNamed, pretrain: pretrainRecipeNamed, finetune: finetuneRecipeNamed };

describe.each(Object.entries(recipes))("the shipped recipe %s", (name, recipe) => {
  test("parses, and is complete: nothing is filled in but the precision", () => {
    const parsed = named[recipe.kind](name);
    expect(parsed).toEqual({ ...recipe, precision: cpuHasBfloat16() ? "bfloat16" : "float32" });
    expect(JSON.parse(JSON.stringify(parsed))).toEqual(parsed);
  });

  test("takes changes, and refuses keys it does not have", () => {
    expect(named[recipe.kind](name, { seed: 7 }).seed).toBe(7);
    const misspelt = () => named[recipe.kind](name, { sed: 7 });
    expect(misspelt).toThrow(ConfigError);
    expect(misspelt).toThrow(
      /^recipe [\w-]+: unknown recipe key sed\. Check the spelling against "limbeck recipes"\.$/,
    );
  });
});

test("distilbert-base is the setting of the paper and of its authors' code", () => {
  expect(recipes["distilbert-base"]).toEqual({
    kind: "distill",
    studentLayers: 6,
    initialisation: "teacher",
    teacherLayers: [0, 2, 4, 7, 9, 11],
    copyHeadTransform: false,
    foldTokenType: false,
    freezePositions: true,
    dropout: 0.1,
    temperature: 2,
    alphaCe: 5,
    alphaMlm: 2,
    alphaCos: 1,
    restrictCeToMask: false,
    sequenceLength: 512,
    positionShift: 0,
    pack: "none",
    maskShare: 0.15,
    maskSmoothing: 0.7,
    stepSequences: 4000,
    microBatchTokens: 4096,
    epochs: 3,
    steps: null,
    peakLearningRate: 5e-4,
    warmupShare: 0.05,
    adamBeta1: 0.9,
    adamBeta2: 0.98,
    adamEps: 1e-6,
    weightDecay: 0,
    clipNorm: 5,
    precision: "auto",
    seed: 56,
  });
});

test("nano keeps the authors' losses", () => {
  const { temperature, alphaCe, alphaMlm, alphaCos } = distillRecipeNamed("nano");
  expect([temperature, alphaCe, alphaMlm, alphaCos]).toEqual([2, 5, 2, 1]);
});

describe("a recipe's length is given once:", () => {
  test("steps in place of epochs", () => {
    expect(distillRecipeNamed("distilbert-base", { steps: 10, epochs: null })).toMatchObject({
      steps: 10,
      epochs: null,
    });
  });

  test.each([
    { steps: 10, epochs: 3 },
    { steps: null, epochs: null },
  ])("%o is refused", (length) => {
    const parse = () => distillRecipeNamed("distilbert-base", length);
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(
      /^recipe distilbert-base: epochs and steps: expected exactly one of them, got \{.*\}\. Set the/,
    );
  });
});

test.each([
  [{ temperature: 0 }, /^recipe nano: temperature: .*>0, got 0\.$/],
  [{ alphaCe: -1 }, /^recipe nano: alphaCe: .*>=0, got -1\.$/],
  [{ studentLayers: "6" }, /^recipe nano: studentLayers: .*expected number.*, got "6"\.$/],
  [{ studentLayers: undefined }, /^recipe nano: studentLayers: .*, got nothing\.$/],
  [{ pack: "tight" }, /^recipe nano: pack: .*, got "tight"\.$/],
  [{ adamBeta2: 1 }, /^recipe nano: adamBeta2: .*<1, got 1\.$/],
  [{ seed: -1 }, /^recipe nano: seed: .*got -1\.$/],
  [{ kind: "pretrain" }, /^recipe nano: kind: .*got "pretrain"\.$/],
])("a wrong value is refused in one line that names key and value: %o", (changes, message) => {
  const parse = () => distillRecipeNamed("nano", changes);
  expect(parse).toThrow(ConfigError);
  expect(parse).toThrow(message);
});

test("a name of no recipe, or of the other kind, is refused with those there are", () => {
  expect(() => distillRecipeNamed("distilbert")).toThrow(
    /^recipe: expected one to distill: distilbert-base, nano; got distilbert\.$/,
  );
  expect(() => pretrainRecipeNamed("nano")).toThrow(/^recipe: expected one to pretrain: .*; got nano\.$/);
  expect(() => distillRecipeNamed("constructor")).toThrow(ConfigError);
});
