import { ConfigError } from "../../errors.js";
import { familyNamed } from "../../families/families.js";
import type { Family } from "../../families/family.js";
import { formatModelCard } from "../../hub/card.js";
import { EMBEDDED_TEACHER } from "../../hub/embedded-teacher.js";
import { castProducts, type LoadedModel, loadMaskedLm } from "../../hub/model-loading.js";
import { KIND_RECORDS } from "../../kinds/kinds.js";
import { percent, whole } from "../../quantities.js";
import { type DistillRecipe, distillRecipe } from "../../recipes/distill-recipe.js";
import { checkPositions, productDType } from "../../recipes/training-recipe.js";
import { chooseRecipe, type RecipeChoice } from "../../runs/choose-recipe.js";
import { keepEnvironment } from "../../runs/environment.js";
import { keepSources, readSources } from "../../runs/sources.js";
import { evaluateHeldOut, type HeldOutResult } from "../loop/evaluate-held-out.js";
import {
  interruptible,
  runSession,
  type SessionOptions,
  type SessionResult,
  sessionOf,
  takeRun,
} from "../loop/session.js";
import { checkSameTokenizer, datasetOf, openCorpus, type TrainingCorpus } from "../loop/training-corpus.js";
import { DistillObjective } from "./distill-objective.js";
import { chosenLayers } from "./student.js";

export interface DistillOptions extends SessionOptions, RecipeChoice<DistillRecipe> {
  /** A model folder or a Hub id. Default: of a resumed run its own, else the small one that comes with Limbeck. */
  teacher?: string | undefined;
  /** A dataset that `prepare` made with the teacher's tokenizer. Default: of a resumed run its own. */
  data?: string | undefined;
  /** Of the held-out text, to evaluate on. Default: 256. */
  heldOutSequences?: number | undefined;
  /** Told how good the teacher is, before the first step. */
  onTeacher?: ((heldOut: HeldOutResult) => void) | undefined;
}

export interface DistillResult extends SessionResult {
  teacherHeldOut: HeldOutResult;
}

/** The recipe that is taken where none is named. */
export const defaultDistillRecipe = "nano";

/**
 * Distils a teacher into a student; the result is a model folder in the run directory.
 *
 * @throws ConfigError or FormatError when teacher, data, recipe or run directory do not fit together
 * @throws Interrupted when the signal aborts, after saving
 */
export async function distill(options: DistillOptions): Promise<DistillResult> {
  const session = sessionOf(options);
  const { out, resume, device, signal, observer } = session;
  const recipe = chooseRecipe(options, { kind: "distill", schema: distillRecipe, defaultName: defaultDistillRecipe });
  const begun = resume ? readSources(out) : null;
  const data = datasetOf(options.data, begun);
  const teacherName = options.teacher ?? begun?.teacher?.path ?? EMBEDDED_TEACHER;
  const dtype = productDType(recipe);
  using corpus = await openCorpus(data, recipe, options);
  const teacher = await loadMaskedLm(teacherName, { device, productDType: "float32" });
  using model = teacher.model;
  checkTogether(teacher, corpus, recipe);
  using objective = new DistillObjective(model, recipe, { productDType: dtype, device });
  castProducts(model, dtype); // Only now: the student starts from the weights as they are in the file.
  using run = takeRun(session, recipe);
  keepSources(run.directory, { data, teacher: { name: teacherName, folder: teacher.path } });
  keepEnvironment(run, device);
  const teacherHeldOut = await interruptible(run, signal, () =>
    evaluateHeldOut(model, corpus.heldOut, {
      ...{ dtype, device, signal },
      onProgress: (done, total) => observer.evaluating?.(done, total),
    }),
  );
  options.onTeacher?.(teacherHeldOut);
  const result = await runSession(run, recipe, corpus, objective, {
    ...session,
    card: (heldOut) =>
      studentCard({ name: teacherName, family: familyNamed(model.config) }, recipe, objective, {
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
  return formatModelCard({
    title: `${title}, ${recipe.studentLayers} layers of ${objective.model.config.hiddenSize}`,
    summary: `A student distilled with Limbeck from a ${teacher.family.title} teacher, by the triple loss of DistilBERT (Sanh et al. 2019).`,
    license: "apache-2.0",
    language: "en",
    tags: ["limbeck", modelType, "distillation", KIND_RECORDS["masked-words"].hubPipeline],
    kind: "masked-words",
    facts: [
      ["teacher", teacher.name],
      ["parameters", whole(objective.model.parameterCount())],
      ["held-out masked-token accuracy, student", percent(heldOut.student.accuracy, 2)],
      ["held-out masked-token accuracy, teacher", percent(heldOut.teacher.accuracy, 2)],
      [
        "share of the teacher's accuracy kept",
        heldOut.teacher.accuracy > 0
          ? percent(heldOut.student.accuracy / heldOut.teacher.accuracy, 2)
          : "unknown: it is never right",
      ],
    ],
    sections: [{ heading: "Recipe", body: `\`\`\`json\n${JSON.stringify(recipe, null, 2)}\n\`\`\`` }],
  });
}
