import type { Parameter } from "../../engine/nn/module.js";
import { noGrad } from "../../engine/tensor/autograd.js";
import { TensorScope } from "../../engine/tensor/scope.js";
import { ConfigError } from "../../errors.js";
import type { EncoderConfig } from "../../families/config.js";
import { studentConfig } from "../../families/families.js";
import { MaskedLm } from "../../models/masked-lm.js";
import type { DistillRecipe } from "../../recipes/distill-recipe.js";

/** A student of the teacher's shape, as its family has it, with fewer layers; its weights are not made yet. */
export function createStudent(teacher: EncoderConfig, recipe: DistillRecipe): MaskedLm {
  const { studentLayers, dropout } = recipe;
  return new MaskedLm({ ...studentConfig(teacher, { layers: studentLayers }), dropout, attentionDropout: dropout });
}

/**
 * The teacher's layer each student layer starts from, evenly spaced from the first to the last: 12 → 6 gives 0, 2, 4,
 * 7, 9, 11, the layers of the authors' code.
 */
export function evenlySpacedLayers(teacherLayers: number, studentLayers: number): number[] {
  if (studentLayers === 1) return [0];
  return Array.from({ length: studentLayers }, (_, i) => Math.round((i * (teacherLayers - 1)) / (studentLayers - 1)));
}

/**
 * The recipe's choice of layers, checked.
 *
 * @throws ConfigError when there are too many, too few, or one the teacher does not have
 */
export function chosenLayers(teacher: EncoderConfig, recipe: DistillRecipe): number[] {
  const { studentLayers, teacherLayers } = recipe;
  if (studentLayers > teacher.layers) {
    throw new ConfigError(
      `studentLayers: expected at most the teacher's ${teacher.layers} layers, got ${studentLayers}. Lower it.`,
    );
  }
  const chosen = teacherLayers ?? evenlySpacedLayers(teacher.layers, studentLayers);
  if (chosen.length !== studentLayers) {
    throw new ConfigError(
      `teacherLayers: expected ${studentLayers} layers, one for each of the student's, got ${chosen.length}: ${chosen.join(", ")}.`,
    );
  }
  const beyond = chosen.find((layer) => layer >= teacher.layers);
  if (beyond !== undefined) {
    throw new ConfigError(`teacherLayers: expected layers from 0 to ${teacher.layers - 1}, got ${beyond}.`);
  }
  return chosen;
}

/**
 * Starts a student from its teacher: embeddings, the chosen layers, and the output layer's bias; its word embeddings
 * are the output layer's weights. The head's transform is copied where the recipe says so.
 *
 * Source: Sanh et al. 2019, section 3; which tensors, from the authors' code.
 */
export function initialiseFromTeacher(student: MaskedLm, teacher: MaskedLm, recipe: DistillRecipe): void {
  const layers = chosenLayers(teacher.config, recipe);
  const source = new Map<string, Parameter>(teacher.namedParameters());
  noGrad(() => {
    for (const [name, parameter] of student.namedParameters()) {
      if (!recipe.copyHeadTransform && /^mlm\.(transform|norm)\./.test(name)) continue;
      const from = name.replace(/^layers\.(\d+)\./, (_, layer) => `layers.${layers[Number(layer)]}.`);
      const given = source.get(from);
      if (given === undefined)
        throw new ConfigError(`the teacher has no parameter ${from}, which the student starts from.`);
      parameter.value.copy_(given.value);
    }
    if (recipe.foldTokenType && student.config.tokenTypes === 0) foldTokenType(student, teacher);
  });
}

/** Every position of a single text has type 0: its embedding can live in the positions. */
function foldTokenType(student: MaskedLm, teacher: MaskedLm): void {
  using _scope = new TensorScope();
  const types = teacher.encoder.embeddings.tokenType;
  if (types !== null) student.encoder.embeddings.position.weight.value.add_(types.weight.value.select(0, 0));
}
