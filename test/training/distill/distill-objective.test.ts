import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import type { MaskedBatch } from "../../../src/data/masked-batches.js";
import type { DType } from "../../../src/engine/tensor/dtype.js";
import { liveTensors, tidy } from "../../../src/engine/tensor/scope.js";
import { distilBert } from "../../../src/families/distilbert.js";
import { fromHuggingFace } from "../../../src/families/families.js";
import { toFileNames } from "../../../src/families/family.js";
import { type ModelFolder, readModelFolder } from "../../../src/hub/folder.js";
import { loadWeights } from "../../../src/hub/model-loading.js";
import { openSafetensors } from "../../../src/hub/safetensors.js";
import { MaskedLm } from "../../../src/models/masked-lm.js";
import type { DistillRecipe } from "../../../src/recipes/distill-recipe.js";
import { DistillObjective } from "../../../src/training/distill/distill-objective.js";
import { relativeError } from "../../models/closeness.js";
import { tripleLoss } from "./recipes.js";

/** What torch and transformers compute: test/goldens/distill.py. */
const folder = fileURLToPath(new URL("../../goldens/distill", import.meta.url));
const cases: Record<string, Partial<DistillRecipe>> = JSON.parse(readFileSync(`${folder}/results.json`, "utf8"));
using results = openSafetensors(`${folder}/results.safetensors`);
const golden = new Map(results.names.map((name) => [name, results.read(name)]));
using teacherFolder = readModelFolder(`${folder}/teacher`);
const teacher = new MaskedLm(fromHuggingFace(teacherFolder.config, teacherFolder.path)).materialise();
loadWeights(teacher, teacherFolder.weights);
afterAll(() => teacher.dispose());

function floats(name: string): Float32Array {
  return new Float32Array((golden.get(name) as Uint8Array).slice().buffer);
}

function integers(name: string): Int32Array {
  return Int32Array.from(new BigInt64Array((golden.get(name) as Uint8Array).slice().buffer), Number);
}

function batchOf(name: string): MaskedBatch {
  const [B = 0, S = 0] = results.entry(`${name}.inputIds`).shape;
  const labels = integers(`${name}.labels`);
  const real = Uint8Array.from(integers(`${name}.attentionMask`));
  const tokenCount = real.filter((each) => each === 1).length;
  return {
    inputIds: integers(`${name}.inputIds`),
    labels,
    attentionMask: tokenCount === B * S ? null : real,
    ...{ B, S, tokenCount, firstPositions: null, noiseKeys: new BigInt64Array(B) },
    maskedCount: labels.filter((label) => label !== -100).length,
  };
}

/** The golden's student, on its way to learn from the golden's teacher. */
function objectiveOf(changes: Partial<DistillRecipe>, productDType: DType = "float32"): DistillObjective {
  const objective = new DistillObjective(teacher, { ...tripleLoss, ...changes }, { productDType, device: "cpu" });
  using student: ModelFolder = readModelFolder(`${folder}/student`);
  loadWeights(objective.model, student.weights);
  return objective;
}

function microStep(objective: DistillObjective, batch: MaskedBatch): Record<string, number> {
  objective.parameters.gradients.zero_();
  const [shares] = tidy(() => [objective.microStep(batch, batch).toFloat32Array()]);
  return Object.fromEntries(objective.losses.map(({ name }, i) => [name, shares?.[i] ?? Number.NaN]));
}

/** Every trained parameter, our name and its gradient beside Python's. */
function* gradients(objective: DistillObjective, name: string): Generator<[string, Float32Array, Float32Array]> {
  const { slices, trainableEnd, gradients } = objective.parameters;
  for (const [parameter, { offset }] of slices) {
    if (offset >= trainableEnd) continue;
    const theirs = toFileNames(distilBert, parameter, { bare: false });
    const expected = theirs.flatMap((each) => [...floats(`${name}.grad.${each}`)]);
    const ours = tidy(() => [objective.parameters.view(gradients, parameter).toFloat32Array()])[0] as Float32Array;
    yield [parameter, ours, Float32Array.from(expected)];
  }
}

describe.each(Object.entries(cases))("PyTorch and transformers compute the same, %s:", (name, recipe) => {
  test("the three losses", () => {
    using objective = objectiveOf(recipe);
    const losses = microStep(objective, batchOf(name));
    expect(Object.keys(losses)).toEqual(["ce", "mlm", "cos"]);
    for (const [loss, value] of Object.entries(losses)) {
      const isLeftOut = loss === "ce" && recipe.alphaCe === 0; // The teacher's logits are not even computed.
      const [expected = Number.NaN] = isLeftOut ? [0] : floats(`${name}.${loss}`);
      expect(Math.abs(value - expected), loss).toBeLessThanOrEqual(1e-5 * Math.abs(expected));
    }
  });

  test("the gradient of every parameter", () => {
    using objective = objectiveOf(recipe);
    microStep(objective, batchOf(name));
    for (const [parameter, ours, expected] of gradients(objective, name)) {
      expect(relativeError(ours, expected), parameter).toBeLessThan(1e-5);
    }
  });
});

test("frozen positions have no gradient, and change no other", () => {
  using objective = objectiveOf({ freezePositions: true });
  microStep(objective, batchOf("padded"));
  const trained = [...gradients(objective, "padded")];
  expect(trained.map(([parameter]) => parameter)).not.toContain("embeddings.position.weight");
  expect(trained).toHaveLength(objective.parameters.slices.size - 1);
  for (const [parameter, ours, expected] of trained)
    expect(relativeError(ours, expected), parameter).toBeLessThan(1e-5);
});

test("without soft targets and hidden states the teacher is not read", () => {
  using objective = objectiveOf({ alphaCe: 0, alphaCos: 0 });
  const { ce, mlm, cos } = microStep(objective, batchOf("withoutCe"));
  expect([ce, cos]).toEqual([0, 0]);
  const [expected = Number.NaN] = floats("withoutCe.mlm");
  expect(Math.abs((mlm ?? Number.NaN) - expected)).toBeLessThan(1e-5 * expected);
});

test("in bf16, losses and gradients are those of f32 within its rounding", () => {
  using objective = objectiveOf({}, "bfloat16");
  const losses = microStep(objective, batchOf("padded"));
  for (const [loss, value] of Object.entries(losses)) {
    const [expected = Number.NaN] = floats(`padded.${loss}`);
    expect(Math.abs(value - expected), loss).toBeLessThan(0.02 * expected);
  }
  for (const [parameter, ours, expected] of gradients(objective, "padded")) {
    expect(relativeError(ours, expected), parameter).toBeLessThan(0.1);
  }
});

test.each([{}, { alphaCe: 0 }, { alphaCos: 0 }, { alphaCe: 0, alphaCos: 0 }, { restrictCeToMask: true }])(
  "a micro-step leaves one tensor, its losses, and a disposed objective none: %o",
  (recipe) => {
    const before = liveTensors();
    for (const productDType of ["float32", "bfloat16"] as const) {
      using objective = objectiveOf(recipe, productDType);
      const made = liveTensors();
      const losses = tidy(() => objective.microStep(batchOf("padded"), { tokenCount: 20, maskedCount: 6 }));
      expect(liveTensors()).toBe(made + 1);
      losses.dispose();
    }
    expect(liveTensors()).toBe(before);
  },
);
