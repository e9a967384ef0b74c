import { afterAll, describe, expect, test } from "vitest";
import { AdamW } from "../../../src/engine/optim/adamw.js";
import { noGrad } from "../../../src/engine/tensor/autograd.js";
import { tensor } from "../../../src/engine/tensor/create.js";
import { manualSeed } from "../../../src/engine/tensor/random.js";
import { tidy } from "../../../src/engine/tensor/scope.js";
import { ConfigError } from "../../../src/errors.js";
import type { EncoderInput } from "../../../src/models/encoder.js";
import { MaskedLm } from "../../../src/models/masked-lm.js";
import type { DistillRecipe } from "../../../src/recipes/distill-recipe.js";
import { DistillObjective } from "../../../src/training/distill/distill-objective.js";
import {
  chosenLayers,
  createStudent,
  evenlySpacedLayers,
  initialiseFromTeacher,
} from "../../../src/training/distill/student.js";
import { relativeError } from "../../models/closeness.js";
import { madeUpStep, resultOf, smallBert } from "../loop/made-up-steps.js";
import { tripleLoss } from "./recipes.js";

const config = { ...smallBert, layers: 4 };
manualSeed(8);
const teacher = new MaskedLm(config).materialise();
for (const [name, { value }] of teacher.namedParameters()) {
  // Biases and norms off 0 and 1: one that was not copied would show.
  if (name.endsWith("bias") || /[nN]orm/.test(name)) tidy(() => void value.add_(value.clone().normal_(0, 0.3)));
}
afterAll(() => teacher.dispose());

function distilling(changes: Partial<DistillRecipe>): DistillObjective {
  return new DistillObjective(teacher, { ...tripleLoss, ...changes }, { productDType: "float32", device: "cpu" });
}

function weightsOf(model: MaskedLm): Map<string, Float32Array> {
  return new Map([...model.namedParameters()].map(([name, { value }]) => [name, value.toFloat32Array()]));
}

function logitsOf(model: MaskedLm): Float32Array {
  const rows = [
    [2, 10, 40, 70, 4, 3],
    [2, 33, 4, 3, 0, 0],
  ];
  const real = rows.flat().map((id) => (id === 0 ? -Infinity : 0));
  const compute = () => {
    const input: EncoderInput = {
      inputIds: tensor(rows, { dtype: "int64" }),
      mask: tensor(Float32Array.from(real), { shape: [2, 1, 1, 6] }),
    };
    return [model.forward(input, { training: false }).toFloat32Array()];
  };
  return noGrad(() => tidy(compute))[0] as Float32Array;
}

describe("the teacher's layers, evenly spaced,", () => {
  test.each([
    [12, 6, [0, 2, 4, 7, 9, 11]], // The authors' choice.
    [12, 12, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    [12, 4, [0, 4, 7, 11]],
    [12, 3, [0, 6, 11]],
    [24, 6, [0, 5, 9, 14, 18, 23]],
    [6, 2, [0, 5]],
    [6, 1, [0]],
    [1, 1, [0]],
  ])("%i to %i are %j", (teacherLayers, studentLayers, expected) => {
    expect(evenlySpacedLayers(teacherLayers, studentLayers)).toEqual(expected);
  });

  test("are different ones, from the first to the last, for every depth", () => {
    for (let from = 2; from <= 24; from++) {
      for (let to = 2; to <= from; to++) {
        const layers = evenlySpacedLayers(from, to);
        expect(new Set(layers).size).toBe(to);
        expect([layers[0], layers.at(-1)]).toEqual([0, from - 1]);
      }
    }
  });
});

describe("a choice of layers is refused where", () => {
  const refused = (changes: Partial<DistillRecipe>, message: RegExp) => {
    const choose = () => chosenLayers(config, { ...tripleLoss, ...changes });
    expect(choose).toThrow(ConfigError);
    expect(choose).toThrow(message);
  };

  test("the student is deeper than the teacher", () => {
    refused({ studentLayers: 5 }, /^studentLayers: expected at most the teacher's 4 layers, got 5\. Lower it\.$/);
  });
  test("there are too few or too many", () => {
    refused({ teacherLayers: [0] }, /^teacherLayers: expected 2 layers, one for each of the student's, got 1: 0\.$/);
    refused({ teacherLayers: [0, 1, 2] }, /expected 2 layers, .*, got 3: 0, 1, 2\.$/);
  });
  test("the teacher does not have one", () => {
    refused({ teacherLayers: [0, 4] }, /^teacherLayers: expected layers from 0 to 3, got 4\.$/);
  });
});

describe("a student", () => {
  test("has its teacher's shape, with fewer layers and without token types", () => {
    using student = createStudent(config, { ...tripleLoss, dropout: 0.2 });
    expect(student.config).toEqual({
      ...config,
      family: "distilbert",
      attentionOutputDropout: false,
      preClassifier: "relu",
      layers: 2,
      tokenTypes: 0,
      dropout: 0.2,
      attentionDropout: 0.2,
      classifierDropout: 0.2, // DistilBERT's own
      answerDropout: 0.1,
    });
  });

  test.each([
    [null, [0, 3]],
    [
      [2, 1],
      [2, 1],
    ],
  ])("starts from copies, to the bit, of layers %j: %j", (teacherLayers, layers) => {
    using objective = distilling({ teacherLayers, foldTokenType: false });
    const source = weightsOf(teacher);
    const started = weightsOf(objective.model);
    for (const [name, values] of started) {
      const from = name.replace(/^layers\.(\d)/, (_, layer) => `layers.${layers[layer]}`);
      expect(values, name).toEqual(source.get(from));
    }
    expect(started.size).toBe(source.size - 1 - 2 * 12); // Without token types and two layers.
  });

  test("has a transform of its own where that is not copied: drawn anew, the output bias still copied", () => {
    using objective = distilling({ copyHeadTransform: false });
    const started = weightsOf(objective.model);
    const source = weightsOf(teacher);
    expect(started.get("mlm.transform.weight")).not.toEqual(source.get("mlm.transform.weight"));
    expect(new Set(started.get("mlm.norm.weight"))).toEqual(new Set([1]));
    expect(started.get("mlm.bias")).toEqual(source.get("mlm.bias"));
  });

  test("starts from random weights, the same for the same seed, where the recipe says so", () => {
    using one = distilling({ initialisation: "random" });
    using same = distilling({ initialisation: "random" });
    using other = distilling({ initialisation: "random", seed: 6 });
    const words = (objective: DistillObjective) => weightsOf(objective.model).get("embeddings.word.weight");
    expect(words(same)).toEqual(words(one));
    expect(words(other)).not.toEqual(words(one));
    expect(words(one)).not.toEqual(weightsOf(teacher).get("embeddings.word.weight"));
  });

  test("of the teacher's depth, with token type 0 folded in, computes the teacher's logits", () => {
    using objective = distilling({ studentLayers: 4 });
    expect(relativeError(logitsOf(objective.model), logitsOf(teacher))).toBeLessThan(1e-5);
  });

  test("of a family whose students have token types of their own, has them as they are, and nothing folded in", () => {
    using student = new MaskedLm({ ...teacher.config, layers: 4 }).materialise();
    initialiseFromTeacher(student, teacher, { ...tripleLoss, studentLayers: 4 });
    expect(weightsOf(student)).toEqual(weightsOf(teacher));
  });

  test("without the fold does not", () => {
    using objective = distilling({ studentLayers: 4, foldTokenType: false });
    expect(relativeError(logitsOf(objective.model), logitsOf(teacher))).toBeGreaterThan(1e-3);
  });
});

describe("position embeddings", () => {
  const step = madeUpStep({ lengths: "different", microBatchTokens: 400 });

  function movedBy(changes: Partial<DistillRecipe>): string[] {
    using objective = distilling({ ...changes, weightDecay: 0.1 });
    using optimizer = new AdamW(objective.parameters, { beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0.1 });
    const before = weightsOf(objective.model);
    resultOf(objective, step);
    optimizer.step(0.01);
    const after = weightsOf(objective.model);
    return [...after].flatMap(([name, values]) =>
      values.some((value, i) => value !== before.get(name)?.[i]) ? [name] : [],
    );
  }

  test("stay as they are where frozen, while everything else moves", () => {
    const moved = movedBy({ freezePositions: true });
    using objective = distilling({});
    const names = [...objective.model.namedParameters()].map(([name]) => name);
    expect(moved).toEqual(names.filter((name) => name !== "embeddings.position.weight"));
  });

  test("move where they are not", () => {
    expect(movedBy({ freezePositions: false })).toContain("embeddings.position.weight");
  });
});
