import type { FlatParameters } from "../engine/optim/flat-parameters.js";
import { autocast, backward, noGrad } from "../engine/tensor/autograd.js";
import { full, tensor } from "../engine/tensor/create.js";
import type { DType } from "../engine/tensor/dtype.js";
import { cat, nllLoss } from "../engine/tensor/ops.js";
import { phase } from "../engine/tensor/profile.js";
import { tidy } from "../engine/tensor/scope.js";
import type { Tensor } from "../engine/tensor/tensor.js";
import type { TaskModel } from "../hub/task-model.js";
import type { LabelledKind } from "../kinds/kinds.js";
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
    noiseKeys: batch.noiseKeys && tensor(batch.noiseKeys, { device }),
  };
  const logits = autocast(productDType, device, () => model.forward(input, { training })).to("float32");
  if (logits.shape.length === 2) return logits;
  const spans = logits.permute([2, 0, 1]); // [B, S, 2] -> [2, B, S]
  return mask === null ? spans : spans.add(mask.view([1, B, S]).clampMin(NOWHERE));
}

/** A kind's losses, each a sum over a batch's sequences of logits as taskLogits gives them. */
interface TaskLosses {
  /** On the data's own labels. */
  hard(logits: Tensor, targets: readonly Float64Array[]): Tensor;
  /** The distance to a teacher's logits. */
  soft(student: Tensor, teacher: Tensor, temperature: number): Tensor;
}

const LOSSES: Readonly<Record<LabelledKind, TaskLosses>> = {
  classification: {
    hard: (logits, targets) => crossEntropy(logits, targets[0]),
    soft: softTargetLoss,
  },
  regression: {
    hard: (logits, targets) => {
      const scores = tensor(Float32Array.from(targets[0] ?? []), { device: logits.device });
      return squaredError(logits.select(1, 0), scores);
    },
    soft: squaredError,
  },
  "question-answering": {
    hard: (logits, [starts, ends]) =>
      crossEntropy(logits.select(0, 0), starts)
        .add(crossEntropy(logits.select(0, 1), ends))
        .mul(0.5),
    soft: (student, teacher, temperature) => softTargetLoss(student, teacher, temperature).mul(0.5),
  },
};

/**
 * The sum over a batch's sequences of the loss on the data's own labels: cross-entropy, squared error, or the mean of the
 * cross-entropies of an answer's start and end.
 *
 * @param logits as taskLogits gives them
 */
export function hardLoss(kind: LabelledKind, logits: Tensor, targets: readonly Float64Array[]): Tensor {
  return LOSSES[kind].hard(logits, targets);
}

/**
 * The sum over a batch's sequences of the distance to the teacher's logits: T² KL(t ‖ s), its mean over start and end, or
 * squared error for a score.
 *
 * Source: Sanh et al. 2019, section 3, "a second step of distillation"; Hinton et al. 2015, section 2.
 */
export function softLoss(kind: LabelledKind, student: Tensor, teacher: Tensor, temperature: number): Tensor {
  return LOSSES[kind].soft(student, teacher, temperature);
}

/** @param rows logits [B, C] */
function crossEntropy(rows: Tensor, labels: ArrayLike<number> = []): Tensor {
  return nllLoss(rows.logSoftmax(), tensor(Int32Array.from(labels), { dtype: "int64", device: rows.device }));
}

function squaredError(a: Tensor, b: Tensor): Tensor {
  const difference = a.sub(b);
  return difference.mul(difference).sum();
}

/** Fine-tuning, with a teacher the second step of distillation: L = α_hard L_hard + α_soft L_soft. */
export class TaskObjective implements Objective<TaskStep> {
  readonly model: TaskModel;
  readonly parameters: FlatParameters;
  readonly losses: readonly { name: string; weight: number }[];
  readonly #kind: LabelledKind;
  readonly #teacher: TaskModel | null;
  readonly #recipe: FinetuneRecipe;
  readonly #options: { productDType: DType; device: string };

  /** @param teacher is read, never changed */
  constructor(
    kind: LabelledKind,
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
