import type { MaskedBatch } from "../../data/masked-batches.js";
import { FlatParameters } from "../../engine/optim/flat-parameters.js";
import { autocast, backward, noGrad } from "../../engine/tensor/autograd.js";
import { full } from "../../engine/tensor/create.js";
import type { DType } from "../../engine/tensor/dtype.js";
import { cat } from "../../engine/tensor/ops.js";
import { phase } from "../../engine/tensor/profile.js";
import { manualSeed } from "../../engine/tensor/random.js";
import { tidy } from "../../engine/tensor/scope.js";
import type { Tensor } from "../../engine/tensor/tensor.js";
import type { MaskedLm } from "../../models/masked-lm.js";
import type { DistillRecipe } from "../../recipes/distill-recipe.js";
import { cosineLoss } from "../loop/losses.js";
import { type MicroBatch, rowsAt, toMicroBatch } from "../loop/micro-batch.js";
import { type Objective, type StepCounts, shareOf } from "../loop/objective.js";
import { type OutputLayer, vocabularyLosses } from "../loop/vocabulary-losses.js";
import { createStudent, initialiseFromTeacher } from "./student.js";

/** What the student learns from: the teacher's last hidden states, and what its output layer reads. */
interface TeacherRows {
  /** [N, D] */
  hidden: Tensor;
  /** [N, D] */
  transformed: Tensor;
}

/**
 * The triple loss: L = α_ce L_ce + α_mlm L_mlm + α_cos L_cos.
 *
 * L_ce and L_cos are means over the real positions of the step, L_mlm over its masked ones; teacher (without dropout)
 * and student see the same masked ids.
 *
 * Source: Sanh et al. 2019, section 3; positions and weights from the authors' code.
 */
export class DistillObjective implements Objective, Disposable {
  readonly model: MaskedLm;
  readonly parameters: FlatParameters;
  readonly losses: readonly { name: string; weight: number }[];
  readonly #teacher: MaskedLm;
  readonly #recipe: DistillRecipe;
  readonly #productDType: DType;
  readonly #device: string;

  /** @param teacher is read, never changed, and stays its maker's to dispose */
  constructor(teacher: MaskedLm, recipe: DistillRecipe, options: { productDType: DType; device: string }) {
    this.#teacher = teacher;
    this.#recipe = recipe;
    this.#productDType = options.productDType;
    this.#device = options.device;
    this.losses = [
      { name: "ce", weight: recipe.alphaCe },
      { name: "mlm", weight: recipe.alphaMlm },
      { name: "cos", weight: recipe.alphaCos },
    ];
    this.model = createStudent(teacher.config, recipe);
    manualSeed(recipe.seed);
    const frozen = (name: string) => recipe.freezePositions && name === "embeddings.position.weight";
    this.parameters = new FlatParameters(this.model, { device: options.device, frozen });
    if (recipe.initialisation === "teacher") initialiseFromTeacher(this.model, teacher, recipe);
  }

  microStep(batch: MaskedBatch, counts: StepCounts): Tensor {
    const { alphaCe, alphaCos, restrictCeToMask } = this.#recipe;
    const micro = phase("data", () => toMicroBatch(batch, this.#device));
    const teacher = alphaCe > 0 || alphaCos > 0 ? phase("teacher", () => this.#teacherRows(micro)) : null;
    // L_mlm needs the masked positions only; they come first.
    const vocabularyRows = alphaCe > 0 && !restrictCeToMask ? micro.N : micro.M;
    const { hidden, transformed } = phase("student forward", () => this.#studentRows(micro, vocabularyRows));
    const perMasked = shareOf(counts.maskedCount);
    const perToken = shareOf(counts.tokenCount);
    const perCe = restrictCeToMask ? perMasked : perToken;
    const { ce, mlm, rowsGradient } = vocabularyLosses({
      student: outputLayer(this.model, transformed.detach()),
      teacher:
        teacher === null || alphaCe === 0
          ? null
          : outputLayer(this.#teacher, teacher.transformed.narrow(0, 0, vocabularyRows)),
      labels: micro.labels,
      temperature: this.#recipe.temperature,
      ceScale: alphaCe * perCe,
      mlmScale: this.#recipe.alphaMlm * perMasked,
      weightGradient: this.parameters.view(this.parameters.gradients, "embeddings.word.weight"),
      biasGradient: this.parameters.view(this.parameters.gradients, "mlm.bias"),
      productDType: this.#productDType,
    });
    const roots = [transformed];
    const gradients = [rowsGradient.to(transformed.dtype)];
    const cos = phase("losses", () =>
      teacher === null ? full([], 0, { device: this.#device }) : cosineLoss(hidden, teacher.hidden),
    );
    if (alphaCos > 0) {
      roots.push(cos);
      gradients.push(full([], alphaCos * perToken, { device: this.#device }));
    }
    phase("backward", () => backward(roots, gradients));
    const shares = [ce.mul(perCe), mlm.mul(perMasked), cos.detach().mul(perToken)];
    return cat(shares.map((share) => share.view([1])));
  }

  #teacherRows({ input, positions }: MicroBatch): TeacherRows {
    return noGrad(() =>
      tidy(() =>
        this.#inProducts(() => {
          const hidden = rowsAt(this.#teacher.encoder.forward(input, { training: false }), positions);
          return { hidden, transformed: this.#teacher.transform(hidden) };
        }),
      ),
    );
  }

  #studentRows({ input, positions }: MicroBatch, vocabularyRows: number): TeacherRows {
    return this.#inProducts(() => {
      const hidden = rowsAt(this.model.encoder.forward(input, { training: true }), positions);
      return { hidden, transformed: this.model.transform(hidden.narrow(0, 0, vocabularyRows)) };
    });
  }

  #inProducts<T>(body: () => T): T {
    return autocast(this.#productDType, this.#device, body);
  }

  [Symbol.dispose](): void {
    this.model.dispose();
    this.parameters.dispose();
  }
}

function outputLayer(model: MaskedLm, rows: Tensor): OutputLayer {
  return { rows, weight: model.outputWeight, bias: model.head.bias.value };
}
