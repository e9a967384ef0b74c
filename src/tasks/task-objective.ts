import type { FlatParameters } from "../engine/optim/flat-parameters.js";
import { autocast, backward, noGrad } from "../engine/tensor/autograd.js";
import { full, tensor } from "../engine/tensor/create.js";
import type { DType } from "../engine/tensor/dtype.js";
import { cat, nllLoss } from "../engine/tensor/ops.js";
import { phase } from "../engine/tensor/profile.js";
import { tidy } from "../engine/tensor/scope.js";
import type { Tensor } from "../engine/tensor/tensor.js";
import type { TaskModel } from "../hub/task-model.js";
import type { Task } from "../kinds/task.js";
import type { FinetuneRecipe } from "../recipes/finetune-recipe.js";
import { softTargetLoss } from "../training/loop/losses.js";
import { attentionMask } from "../training/loop/micro-batch.js";
import { type Objective, shareOf } from "../training/loop/objective.js";
import type { TaskBatch, TaskStep } from "./task-batches.js";

/** Logits at padding, which no answer starts or ends at: finite, so that a share of 0 of it is 0. */
const NOWHERE = -1e4;

/**
 * What a model says to a batch, f32: label logits [B, L], a score [B, 1], or start and end logits [2, B, S], in which
 * padding is ruled out.
 */
export function taskLogits(
  model: TaskModel,
  batch: TaskBatch,
  options: { training: boolean; productDType: DType; device: string },
): Tensor {
  const { B, S } = batch;
  const { device, productDType, training } = options;
  const mask = batch.attentionMask && attentionMask(batch.attentionMask, [B, 1, 1, S], device);
  const input = {
    inputIds: tensor(batch.inputIds, { shape: [B, S], dtype: "int64", device }),
    tokenTypeIds:
      model.config.tokenTypes === 0
        ? null // DistilBERT tells the texts of a pair apart by [SEP] alone.
        : tensor(Int32Array.from(batch.tokenTypeIds), { shape: [B, S], dtype: "int64", device }),
    mask,
  };
  const logits = autocast(productDType, device, () => model.forward(input, { training })).to("float32");
  if (logits.shape.length === 2) return logits;
  const spans = logits.permute([2, 0, 1]); // [B, S, 2] -> [2, B, S]
  return mask === null ? spans : spans.add(mask.view([1, B, S]).clampMin(NOWHERE));
}

/**
 * The sum over a batch's sequences of the loss on the data's own labels: cross-entropy, squared error, or the mean of the
 * cross-entropies of an answer's start and end.
 *
 * @param logits as taskLogits gives them
 */
export function hardLoss(kind: Task["kind"], logits: Tensor, targets: readonly Float64Array[]): Tensor {
  const target = (index: number) => targets[index] ?? new Float64Array(0);
  const { device } = logits;
  if (kind === "regression") {
    const difference = logits.select(1, 0).sub(tensor(Float32Array.from(target(0)), { device }));
    return difference.mul(difference).sum();
  }
  const crossEntropy = (rows: Tensor, labels: Float64Array) =>
    nllLoss(rows.logSoftmax(), tensor(Int32Array.from(labels), { dtype: "int64", device }));
  if (kind === "classification") return crossEntropy(logits, target(0));
  return crossEntropy(logits.select(0, 0), target(0))
    .add(crossEntropy(logits.select(0, 1), target(1)))
    .mul(0.5);
}

/**
 * The sum over a batch's sequences of the distance to the teacher's logits: T² KL(t ‖ s), its mean over start and end, or
 * squared error for a score.
 *
 * Source: Sanh et al. 2019, section 3, "a second step of distillation"; Hinton et al. 2015, section 2.
 */
export function softLoss(kind: Task["kind"], student: Tensor, teacher: Tensor, temperature: number): Tensor {
  if (kind === "regression") {
    const difference = student.sub(teacher);
    return difference.mul(difference).sum();
  }
  const distance = softTargetLoss(student, teacher, temperature);
  return kind === "classification" ? distance : distance.mul(0.5);
}

/** Fine-tuning, with a teacher the second step of distillation: L = α_hard L_hard + α_soft L_soft. */
export class TaskObjective implements Objective<TaskStep> {
  readonly model: TaskModel;
  readonly parameters: FlatParameters;
  readonly losses: readonly { name: string; weight: number }[];
  readonly #kind: Task["kind"];
  readonly #teacher: TaskModel | null;
  readonly #recipe: FinetuneRecipe;
  readonly #options: { productDType: DType; device: string };

  /** @param teacher is read, never changed */
  constructor(
    kind: Task["kind"],
    student: { model: TaskModel; parameters: FlatParameters },
    teacher: TaskModel | null,
    options: { recipe: FinetuneRecipe; productDType: DType; device: string },
  ) {
    this.#kind = kind;
    this.model = student.model;
    this.parameters = student.parameters;
    this.#teacher = teacher;
    this.#recipe = options.recipe;
    this.#options = options;
    const { alphaHard, alphaSoft } = options.recipe;
    const hard = { name: "hard", weight: teacher === null ? 1 : alphaHard };
    this.losses = teacher === null ? [hard] : [hard, { name: "soft", weight: alphaSoft }];
  }

  microStep(batch: TaskBatch, step: TaskStep): Tensor {
    const share = shareOf(step.sequenceCount);
    const logits = phase("forward", () => taskLogits(this.model, batch, { ...this.#options, training: true }));
    const sums = [phase("losses", () => hardLoss(this.#kind, logits, batch.targets))];
    const teacher = this.#teacher;
    if (teacher !== null) {
      const taught = () => tidy(() => taskLogits(teacher, batch, { ...this.#options, training: false }));
      const given = phase("teacher", () => noGrad(taught));
      sums.push(phase("losses", () => softLoss(this.#kind, logits, given, this.#recipe.temperature)));
    }
    const gradients = this.losses.map(({ weight }) => full([], weight * share, { device: this.#options.device }));
    phase("backward", () => backward(sums, gradients));
    return cat(sums.map((sum) => sum.detach().mul(share).view([1])));
  }
}
