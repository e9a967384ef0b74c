import { describe, expect, test } from "vitest";
import { FlatParameters } from "../../src/engine/optim/flat-parameters.js";
import { tensor } from "../../src/engine/tensor/create.js";
import { manualSeed } from "../../src/engine/tensor/random.js";
import { tidy } from "../../src/engine/tensor/scope.js";
import type { TaskModel } from "../../src/hub/task-model.js";
import { QuestionAnswering } from "../../src/models/question-answering.js";
import { SequenceClassifier } from "../../src/models/sequence-classifier.js";
import { evaluationBatches, type Feature, type TaskBatch, TaskSteps } from "../../src/tasks/task-batches.js";
import { hardLoss, softLoss, TaskObjective, taskLogits } from "../../src/tasks/task-objective.js";
import { runTestsInScope } from "../engine/tensor/in-scope.js";
import { relativeError } from "../models/closeness.js";
import { smallBert } from "../training/loop/made-up-steps.js";
import { smallFinetuning } from "./made-up-task.js";

runTestsInScope();

const column = (...values: number[]) => [Float64Array.from(values)];

describe("the loss on labels", () => {
  test("of a classification is −Σ log softmax(logits)[label]", () => {
    const logits = tensor([
      [0, Math.log(3)], // (1/4, 3/4)
      [0, 0],
    ]);
    expect(hardLoss("classification", logits, column(1, 0)).item()).toBeCloseTo(-Math.log(0.75) - Math.log(0.5), 6);
  });

  test("of a score is the squared error", () => {
    expect(hardLoss("regression", tensor([[1], [3]]), column(0.5, 5)).item()).toBeCloseTo(0.25 + 4, 6);
  });

  test("of an answer is the mean over its start and its end", () => {
    const logits = tensor([[[0, Math.log(3)]], [[0, 0]]]); // [2, B, S]
    const targets = [...column(1), ...column(0)];
    expect(hardLoss("question-answering", logits, targets).item()).toBeCloseTo(
      -(Math.log(0.75) + Math.log(0.5)) / 2,
      6,
    );
  });
});

describe("the loss on the teacher's logits", () => {
  test("of a classification is T² KL(t ‖ s), worked by hand", () => {
    const kl = 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5);
    expect(softLoss("classification", tensor([[0, 0]]), tensor([[2 * Math.log(3), 0]]), 2).item()).toBeCloseTo(
      4 * kl,
      6,
    );
  });

  test("of a score is the squared error", () => {
    expect(softLoss("regression", tensor([[1]]), tensor([[4]]), 2).item()).toBeCloseTo(9, 6);
  });

  test("of an answer is the mean over its start and its end, and padding adds nothing", () => {
    const kl = 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5);
    const student = tensor([[[0, 0, -1e4]], [[0, 0, -1e4]]]);
    const teacher = tensor([[[2 * Math.log(3), 0, -1e4]], [[0, 0, -1e4]]]);
    expect(softLoss("question-answering", student, teacher, 2).item()).toBeCloseTo((4 * kl) / 2, 6);
  });
});

/** Pairs of 6 to 20 tokens. */
const features: Feature[] = Array.from({ length: 12 }, (_, i) => {
  const length = 6 + ((i * 5) % 15);
  return {
    ids: Int32Array.from({ length }, (_, at) => 5 + ((i * 31 + at * 7) % 100)),
    secondAt: 3,
    targets: [i % 2, 3],
  };
});
const quiet = { training: false, productDType: "float32", device: "cpu" } as const;

function modelOf(make: () => TaskModel): { model: TaskModel; parameters: FlatParameters; [Symbol.dispose](): void } {
  manualSeed(2);
  const model = make();
  const parameters = new FlatParameters(model);
  return {
    model,
    parameters,
    [Symbol.dispose]: () => {
      model.dispose();
      parameters.dispose();
    },
  };
}

const config = { ...smallBert, vocabSize: 110, dropout: 0.1, attentionDropout: 0.1, answerDropout: 0.1 };
const kinds = [
  ["classification", () => new SequenceClassifier({ ...config, classifierDropout: 0.1 }, 2)],
  ["question-answering", () => new QuestionAnswering(config)],
] as const;

describe.each(kinds)("%s", (kind, make) => {
  const batchesOf = (microBatchTokens: number) => evaluationBatches(features, { microBatchTokens, padId: 0 });
  const stepOf = (microBatchTokens: number) =>
    new TaskSteps(features, { seed: 1, stepSequences: features.length, microBatchTokens, padId: 0 }).at(0);

  test("has the same gradient however a step is cut, with a teacher and with dropout", () => {
    using student = modelOf(make);
    using teacher = modelOf(make);
    const recipe = smallFinetuning;
    const objective = new TaskObjective(kind, student, teacher.model, { ...quiet, recipe });
    const resultOf = (microBatchTokens: number) => {
      student.parameters.gradients.zero_();
      const step = stepOf(microBatchTokens);
      const shares = step.microBatches.map(
        (batch) => tidy(() => [objective.microStep(batch, step).toFloat32Array()])[0],
      );
      return {
        gradient: student.parameters.gradients.toFloat32Array(),
        hard: shares.reduce((sum, each) => sum + (each?.[0] ?? 0), 0),
      };
    };
    const [whole, cut] = [resultOf(1000), resultOf(40)];
    expect(stepOf(40).microBatches.length).toBeGreaterThan(4);
    expect(relativeError(cut.gradient, whole.gradient)).toBeLessThan(1e-5);
    expect(cut.hard).toBeCloseTo(whole.hard, 5);
  });

  test("says the same of a sequence alone and padded beside a longer one", () => {
    using made = modelOf(make);
    const short = features.findIndex(({ ids }) => ids.length < 10);
    const logits = (batch: TaskBatch, row: number) => {
      const given = taskLogits(made.model, batch, quiet);
      const own =
        given.shape.length === 2
          ? given.select(0, row)
          : given.select(1, row).narrow(1, 0, features[short]?.ids.length ?? 0);
      return own.reshape([-1]).toFloat32Array();
    };
    const [together] = batchesOf(1000) as [TaskBatch];
    const [alone] = evaluationBatches([features[short] as Feature], { microBatchTokens: 1000, padId: 0 }) as [
      TaskBatch,
    ];
    expect(together.S).toBeGreaterThan(alone.S);
    expect(relativeError(logits(together, together.indices.indexOf(short)), logits(alone, 0))).toBeLessThan(1e-5);
  });
});
