import { formatModelCard } from "../checkpoint/card.js";
import { type LoadedModel, loadMaskedLm } from "../checkpoint/model.js";
import { ConfigError } from "../errors.js";
import { openCorpus, type TrainingCorpus } from "../train/corpus.js";
import { evaluateHeldOut, type HeldOutResult } from "../train/evaluate.js";
import { productDType } from "../train/recipe.js";
import { runSession, type SessionOptions, type SessionResult, takeRun } from "../train/session.js";
import { DistillObjective } from "./objective.js";
import type { DistillRecipe } from "./recipe.js";
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

/** Distils a teacher into a student; the result is a model folder in the run directory. */
export async function distill(options: DistillOptions): Promise<DistillResult> {
  const { recipe, device } = options;
  const dtype = productDType(recipe);
  using corpus = await openCorpus(options.data, recipe, options);
  const teacher = await loadMaskedLm(options.teacher, { device, productDType: dtype });
  using model = teacher.model;
  checkTogether(teacher, corpus, recipe);
  using run = takeRun(options.out, recipe, options.resume);
  const teacherHeldOut = await evaluateHeldOut(model, corpus.heldOut, { dtype, device, signal: options.signal });
  options.onTeacher(teacherHeldOut);
  using objective = new DistillObjective(model, recipe, { productDType: dtype, device });
  const result = await runSession(run, recipe, corpus, objective, {
    ...options,
    card: (heldOut) => studentCard(options.teacher, recipe, objective, { teacher: teacherHeldOut, student: heldOut }),
  });
  return { ...result, teacherHeldOut };
}

/** Teacher, data and recipe must fit before hours are spent on them. */
function checkTogether({ path, model, tokenizer }: LoadedModel, corpus: TrainingCorpus, recipe: DistillRecipe): void {
  if (tokenizer.hash !== corpus.tokenizer.hash) {
    throw new ConfigError(
      `${corpus.dataset.folder}: prepared with another tokenizer (${corpus.tokenizer.vocabSize} tokens, ${corpus.tokenizer.hash.slice(0, 12)}) than the teacher's in ${path} (${tokenizer.vocabSize} tokens, ${tokenizer.hash.slice(0, 12)}). Prepare the corpus again with --tokenizer ${path}.`,
    );
  }
  if (recipe.sequenceLength > model.config.maxPositions) {
    throw new ConfigError(
      `sequenceLength: expected at most the ${model.config.maxPositions} positions of ${path}, got ${recipe.sequenceLength}. Lower it.`,
    );
  }
  chosenLayers(model.config, recipe);
}

function studentCard(
  teacher: string,
  recipe: DistillRecipe,
  objective: DistillObjective,
  heldOut: { teacher: HeldOutResult; student: HeldOutResult },
): string {
  const percent = (value: number) => `${(100 * value).toFixed(2)} %`;
  return formatModelCard({
    title: `DistilBERT, ${recipe.studentLayers} layers of ${objective.model.config.hiddenSize}`,
    summary:
      "A student distilled with Limbeck from a BERT teacher, by the triple loss of DistilBERT (Sanh et al. 2019).",
    license: "apache-2.0",
    language: "en",
    tags: ["limbeck", "distilbert", "distillation", "fill-mask"],
    pipelineTag: "fill-mask",
    facts: [
      ["teacher", teacher],
      ["parameters", objective.model.parameterCount().toLocaleString("en-US")],
      ["held-out masked-token accuracy, student", percent(heldOut.student.accuracy)],
      ["held-out masked-token accuracy, teacher", percent(heldOut.teacher.accuracy)],
      ["share of the teacher's accuracy kept", percent(heldOut.student.accuracy / heldOut.teacher.accuracy)],
    ],
    sections: [{ heading: "Recipe", body: `\`\`\`json\n${JSON.stringify(recipe, null, 2)}\n\`\`\`` }],
  });
}
