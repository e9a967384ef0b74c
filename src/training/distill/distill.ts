import { ConfigError } from "../../errors.js";
import { familyNamed } from "../../families/families.js";
import type { Family } from "../../families/family.js";
import { formatModelCard } from "../../hub/card.js";
import { castProducts, type LoadedModel, loadMaskedLm } from "../../hub/model-loading.js";
import type { DistillRecipe } from "../../recipes/distill-recipe.js";
import { checkPositions, productDType } from "../../recipes/training-recipe.js";
import { keepSources } from "../../runs/sources.js";
import { evaluateHeldOut, type HeldOutResult } from "../loop/evaluate-held-out.js";
import { interruptible, runSession, type SessionOptions, type SessionResult, takeRun } from "../loop/session.js";
import { checkSameTokenizer, openCorpus, type TrainingCorpus } from "../loop/training-corpus.js";
import { DistillObjective } from "./distill-objective.js";
import { chosenLayers } from "./student.js";

export interface DistillOptions extends SessionOptions {
  recipe: DistillRecipe;
  /** A model folder or a Hub id. */
  teacher: string;
  /** A dataset that `prepare` made with the teacher's tokenizer. */
  data: string;
  heldOutSequences: number;
  /** Told how good the teacher is, before the first step. */
  onTeacher(heldOut: HeldOutResult): void;
}

export interface DistillResult extends SessionResult {
  teacherHeldOut: HeldOutResult;
}

/**
 * Distils a teacher into a student; the result is a model folder in the run directory.
 *
 * @throws ConfigError or FormatError when teacher, data, recipe or run directory do not fit together
 * @throws Interrupted when the signal aborts, after saving
 */
export async function distill(options: DistillOptions): Promise<DistillResult> {
  const { recipe, device, signal } = options;
  const dtype = productDType(recipe);
  using corpus = await openCorpus(options.data, recipe, options);
  const teacher = await loadMaskedLm(options.teacher, { device, productDType: "float32" });
  using model = teacher.model;
  checkTogether(teacher, corpus, recipe);
  using objective = new DistillObjective(model, recipe, { productDType: dtype, device });
  castProducts(model, dtype); // Only now: the student starts from the weights as they are in the file.
  using run = takeRun(options.out, recipe, options.resume);
  keepSources(run.directory, { data: options.data, teacher: { name: options.teacher, folder: teacher.path } });
  const teacherHeldOut = await interruptible(run, signal, () =>
    evaluateHeldOut(model, corpus.heldOut, {
      ...{ dtype, device, signal },
      onProgress: (done, total) => options.observer.evaluating?.(done, total),
    }),
  );
  options.onTeacher(teacherHeldOut);
  const result = await runSession(run, recipe, corpus, objective, {
    ...options,
    card: (heldOut) =>
      studentCard({ name: options.teacher, family: familyNamed(model.config) }, recipe, objective, {
        teacher: teacherHeldOut,
        student: heldOut,
      }),
  });
  return { ...result, teacherHeldOut };
}

/** Teacher, data and recipe must fit before hours are spent on them. */
function checkTogether(teacher: LoadedModel, corpus: TrainingCorpus, recipe: DistillRecipe): void {
  checkSameTokenizer(teacher, corpus);
  const { path, model } = teacher;
  checkPositions(recipe, { count: model.config.maxPositions, source: path });
  chosenLayers(model.config, recipe);
  const { alphaCe, alphaMlm, alphaCos } = recipe;
  if (alphaCe + alphaMlm + alphaCos === 0) {
    throw new ConfigError(
      "alphaCe, alphaMlm, alphaCos: expected one of them above 0, got 0, 0, 0. Nothing is learned.",
    );
  }
}

function studentCard(
  teacher: { name: string; family: Family },
  recipe: DistillRecipe,
  objective: DistillObjective,
  heldOut: { teacher: HeldOutResult; student: HeldOutResult },
): string {
  const { title, modelType } = familyNamed(objective.model.config);
  const percent = (value: number) => `${(100 * value).toFixed(2)} %`;
  return formatModelCard({
    title: `${title}, ${recipe.studentLayers} layers of ${objective.model.config.hiddenSize}`,
    summary: `A student distilled with Limbeck from a ${teacher.family.title} teacher, by the triple loss of DistilBERT (Sanh et al. 2019).`,
    license: "apache-2.0",
    language: "en",
    tags: ["limbeck", modelType, "distillation", "fill-mask"],
    pipelineTag: "fill-mask",
    facts: [
      ["teacher", teacher.name],
      ["parameters", objective.model.parameterCount().toLocaleString("en-US")],
      ["held-out masked-token accuracy, student", percent(heldOut.student.accuracy)],
      ["held-out masked-token accuracy, teacher", percent(heldOut.teacher.accuracy)],
      [
        "share of the teacher's accuracy kept",
        heldOut.teacher.accuracy > 0
          ? percent(heldOut.student.accuracy / heldOut.teacher.accuracy)
          : "unknown: it is never right",
      ],
    ],
    sections: [{ heading: "Recipe", body: `\`\`\`json\n${JSON.stringify(recipe, null, 2)}\n\`\`\`` }],
  });
}
