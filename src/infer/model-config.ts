import * as z from "zod"; // A namespace: bundlers leave out what is not used.
import { ConfigError, FormatError } from "../errors.js";
import type { EncoderConfig } from "../families/config.js";
import { fromHuggingFace } from "../families/families.js";
import { KIND_RECORDS, KINDS, type Kind, type PipelineTask } from "../kinds/kinds.js";
import { parseJson } from "../text/tokenizer-json.js";

/** What config.json says of a model: its structure, and its head. */
export interface ModelConfig {
  readonly encoder: EncoderConfig;
  /** By index; null where it names none. */
  readonly labels: readonly string[] | null;
  /** The class that transformers loads it with: "BertForMaskedLM". */
  readonly architecture: string | null;
  /** What transformers calls a classifier's task. */
  readonly problemType: string | null;
}

const configJson = z.looseObject({
  id2label: z.record(z.string().regex(/^\d+$/), z.string(), "expected names by index").nullish(),
  architectures: z.array(z.string()).nullish(),
  problem_type: z.string().nullish(),
});

/**
 * Reads the text of a config.json.
 *
 * @param path named in errors
 * @throws FormatError when it is not that of a family that is known
 */
export function readModelConfig(path: string, text: string): ModelConfig {
  return modelConfigOf(path, parseJson(path, text, z.unknown()));
}

/** The same, of its JSON. */
export function modelConfigOf(path: string, json: unknown): ModelConfig {
  const encoder = fromHuggingFace(json, path);
  const parsed = configJson.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new FormatError(path, `${issue?.path.join(".")}: ${issue?.message}. Fetch or export the model again.`);
  }
  const { id2label, architectures, problem_type: problemType } = parsed.data;
  const labels = Object.entries(id2label ?? {})
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, label]) => label);
  return {
    encoder,
    labels: labels.length === 0 ? null : labels,
    architecture: architectures?.[0] ?? null,
    problemType: problemType ?? null,
  };
}

/** A model that was exported: what its files say it is for. */
interface Exported {
  /** Named in errors. */
  readonly where: string;
  readonly config: ModelConfig;
  /** The ONNX file's, by name. */
  readonly outputs: readonly string[];
}

/**
 * The kind of a model, of those that a pipeline runs.
 *
 * @throws ConfigError when the model was exported for another task
 */
export function kindFor(model: Exported, task: PipelineTask): Kind {
  const kind = kindsOf(model).find((each) => KIND_RECORDS[each].pipeline === task);
  if (kind !== undefined) return kind;
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
export function taskOf(model: Exported): PipelineTask {
  const tasks = new Set(kindsOf(model).map((kind) => KIND_RECORDS[kind].pipeline));
  const [task] = tasks;
  if (task !== undefined && (tasks.size === 1 || model.config.architecture !== null)) return task;
  throw new ConfigError(
    `${model.where}: no task is known for ${model.config.architecture ?? "a model"} with ${model.outputs.join(", ")}. Name it.`,
  );
}

/** Those whose outputs it gives, and whose class it is; embeddings need no head, and so any class will do. */
function kindsOf({ config, outputs }: Exported): Kind[] {
  const { architecture, labels, problemType } = config;
  return KINDS.filter((kind) => {
    const { outputs: wanted, needsHead, modelClass, fits } = KIND_RECORDS[kind];
    const hasOutputs = wanted.every(({ name }) => outputs.includes(name));
    const isOfClass = architecture === null || !needsHead || architecture.endsWith(modelClass);
    return hasOutputs && isOfClass && fits({ labelCount: labels?.length ?? null, problemType });
  });
}

/** The kind whose class of transformers config.json names; null where it names none of ours. */
export function kindOfClass({ architecture, labels, problemType }: ModelConfig): Kind | null {
  const head = { labelCount: labels?.length ?? null, problemType };
  const isOf = (kind: Kind) =>
    architecture?.endsWith(KIND_RECORDS[kind].modelClass) === true && KIND_RECORDS[kind].fits(head);
  return KINDS.find(isOf) ?? null;
}
