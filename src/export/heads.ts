import { ConfigError } from "../errors.js";
import { architectureOf as classOf } from "../families/families.js";
import type { ModelFolder } from "../hub/folder.js";
import { labelsOf } from "../hub/task-model.js";
import type { PipelineTask } from "../kinds/kinds.js";

/** What transformers and the Hub call these. */
export const PIPELINES: Readonly<Record<PipelineTask, string>> = {
  "fill-mask": "fill-mask",
  classify: "text-classification",
  "question-answer": "question-answering",
  embed: "feature-extraction",
};

const CLASSES: Readonly<Record<PipelineTask, string>> = {
  "fill-mask": "ForMaskedLM",
  classify: "ForSequenceClassification",
  "question-answer": "ForQuestionAnswering",
  embed: "Model",
};

/** The class of transformers that loads a model of this family for this task. */
export function architectureOf({ family }: Pick<ModelFolder, "family">, task: PipelineTask): string {
  return classOf(family, CLASSES[task]);
}

/**
 * The task that a folder's model is exported for: the one asked for, or the one that its head is for.
 *
 * Embeddings need no head: any model gives them.
 *
 * @throws ConfigError when the model has not the head that the task needs
 */
export function exportTask(folder: ModelFolder, wanted: PipelineTask | null): PipelineTask {
  const own = ownTask(folder);
  if (wanted === null || wanted === own || wanted === "embed") return wanted ?? own;
  const has = own === "embed" ? "no head" : `the head for ${own}`;
  throw new ConfigError(
    `${folder.path}: expected a model with the head for ${wanted}, got one with ${has}. Fine-tune it first, or export it for ${own}.`,
  );
}

/** Labels of a classifier, 1 for a regression; 0 for other tasks. */
export function labelCountOf(folder: ModelFolder, task: PipelineTask): number {
  if (task !== "classify") return 0;
  const [count = 0] = folder.weights.entry("classifier.weight").shape;
  const names = labelsOf(folder);
  if (names === null || names.length === count) return count;
  throw new ConfigError(
    `${folder.path}: id2label of config.json: expected ${count} names, one for each row of the classifier, got ${names.length}. Correct it.`,
  );
}

function ownTask({ weights }: ModelFolder): PipelineTask {
  if (weights.has("classifier.weight")) return "classify";
  if (weights.has("qaOutputs.weight")) return "question-answer";
  return weights.has("mlm.transform.weight") ? "fill-mask" : "embed";
}
