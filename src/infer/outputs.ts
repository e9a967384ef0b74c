import type { InferenceSession } from "onnxruntime-common";
import { ConfigError } from "../errors.js";
import { PIPELINE_TASKS, type PipelineTask } from "../kinds/pipeline-names.js";
import type { Model } from "./model.js";
import { floats } from "./runtime.js";

/** What a model's outputs are called, by what it was exported for. */
const OUTPUTS: Readonly<Record<PipelineTask, readonly string[]>> = {
  "fill-mask": ["logits"],
  classify: ["logits"],
  "question-answer": ["start_logits", "end_logits"],
  embed: ["last_hidden_state"],
};

/** transformers' words for a model's head, for messages. */
const HEADS: Readonly<Record<PipelineTask, RegExp>> = {
  "fill-mask": /ForMaskedLM$/,
  classify: /ForSequenceClassification$/,
  "question-answer": /ForQuestionAnswering$/,
  embed: /./,
};

/** @throws ConfigError when the model was exported for another task */
export function checkTask(model: Model, task: PipelineTask): void {
  if (isFor(model, task)) return;
  const { architecture } = model.config;
  throw new ConfigError(
    `${model.where}: expected a model exported for ${task}, got ${architecture ?? "one"} with ${model.outputs.join(", ")}. Export it for this task, or give another.`,
  );
}

/**
 * The task that a model was exported for.
 *
 * @throws ConfigError where its head says nothing to us
 */
export function taskOf(model: Model): PipelineTask {
  const fits = PIPELINE_TASKS.filter((task) => isFor(model, task));
  const [task] = fits;
  if (task !== undefined && (fits.length === 1 || model.config.architecture !== null)) return task;
  throw new ConfigError(
    `${model.where}: no task is known for ${model.config.architecture ?? "a model"} with ${model.outputs.join(", ")}. Name it.`,
  );
}

function isFor({ outputs, config: { architecture } }: Model, task: PipelineTask): boolean {
  return (
    OUTPUTS[task].every((name) => outputs.includes(name)) && (architecture === null || HEADS[task].test(architecture))
  );
}

/** The values of an output that is there: see checkTask. */
export function valuesOf(outputs: InferenceSession.ReturnType, name: string): Float32Array {
  const tensor = outputs[name];
  if (tensor === undefined) throw new RangeError(`the model gives no ${name}`);
  return floats(tensor);
}

/** Probabilities of logits. */
export function softmax(logits: Float32Array): Float32Array {
  const most = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights = logits.map((logit) => Math.exp(logit - most));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
