import { join } from "node:path";
import type { DType } from "../engine/tensor/dtype.js";
import { ConfigError, FormatError } from "../errors.js";
import type { EncoderConfig } from "../families/config.js";
import { toHuggingFace } from "../families/families.js";
import { KIND_RECORDS, type LabelledKind } from "../kinds/kinds.js";
import type { Tasks } from "../kinds/task.js";
import { HEADS, isTaskParameter, type Models } from "../models/heads.js";
import { loadTokenizer, type Tokenizer } from "../text/tokenizer.js";
import { CONFIG_FILE, type ModelFolder, readModelFolder, writeModelFolder } from "./folder.js";
import { resolveModel } from "./hub.js";
import { checkTokenizerFits, loadWeights, parameterEntries, shapesOf, withWeights } from "./model-loading.js";

/** What of a task decides the head of its model: its kind, and its labels where it has some. */
export type TaskHead = {
  [K in LabelledKind]: Pick<Tasks[K], Extract<keyof Tasks[K], "kind" | "labels">>;
}[LabelledKind];

/** A model with a task's head. */
export type TaskModel = Models[LabelledKind];

export interface LoadedTaskModel extends Disposable {
  /** The folder it was read from. */
  path: string;
  model: TaskModel;
  tokenizer: Tokenizer;
}

/** A model to be fine-tuned; it has no values yet. */
interface StartedTaskModel {
  /** The folder it starts from. */
  path: string;
  model: TaskModel;
  tokenizer: Tokenizer;
  /** Copies what the folder holds into the model, once that has values; what it does not hold stays as it was drawn. */
  copyWeights(): void;
}

const BARE = "a bare encoder";

/** The parameters of BERT's pooler, which masked-language models do not have. */
const POOLER = /^pooler\./;

/**
 * Reads a model that was fine-tuned on a task, with its tokenizer.
 *
 * @param source a folder or a Hub id
 * @throws FormatError when its head is not the task's, or a file is missing, foreign or does not fit the others
 * @throws ConfigError when its labels are not the task's
 */
export async function loadTaskModel(
  source: string,
  head: TaskHead,
  options: { device: string; productDType: DType },
): Promise<LoadedTaskModel> {
  const path = await resolveModel(source);
  using folder = readModelFolder(path);
  const model = createTaskModel(folder.encoder, head);
  if (!hasHead(folder)) {
    throw new FormatError(
      path,
      `expected a model fine-tuned ${KIND_RECORDS[head.kind].purpose}, got ${folder.architecture ?? BARE}. Fine-tune it first.`,
    );
  }
  checkHead(folder, model, head, "Give one that was fine-tuned on this task.");
  folder.weights.expect(shapesOf(model));
  const tokenizer = await loadTokenizer(path);
  checkTokenizerFits(path, tokenizer, model.config);
  withWeights(model, folder.weights, options);
  return { path, model, tokenizer, [Symbol.dispose]: () => model.dispose() };
}

/**
 * Prepares a model for fine-tuning from one that was pretrained, distilled, or fine-tuned on the same task before.
 *
 * @param source a folder or a Hub id
 * @param options.dropout of the encoder; null leaves what its config.json says
 * @throws FormatError or ConfigError when it has another task's head or labels, or a file does not fit
 */
export async function startTaskModel(
  source: string,
  head: TaskHead,
  options: { dropout: number | null },
): Promise<StartedTaskModel> {
  const path = await resolveModel(source);
  using folder = readModelFolder(path);
  const config = folder.encoder;
  const { dropout } = options;
  const model = createTaskModel(dropout === null ? config : { ...config, dropout, attentionDropout: dropout }, head);
  if (hasHead(folder)) checkHead(folder, model, head, "Start from the model that it was fine-tuned from.");
  const held = new Set(folder.weights.names);
  // Heads are drawn where the folder has none; all else must be there.
  const isHeld = (name: string) => held.has(name) || !(isTaskParameter(name) || POOLER.test(name));
  folder.weights.expect(new Map([...shapesOf(model)].filter(([name]) => isHeld(name))));
  const tokenizer = await loadTokenizer(path);
  checkTokenizerFits(path, tokenizer, config);
  return {
    path,
    model,
    tokenizer,
    copyWeights: () => {
      using again = readModelFolder(path);
      loadWeights(model, again.weights, { where: isHeld });
    },
  };
}

/** Writes a model folder that Hugging Face's tools load: weights, config.json with the labels, tokenizer and card. */
export async function saveTaskModel(
  path: string,
  model: TaskModel,
  options: { head: TaskHead; tokenizer: Tokenizer; card: string; dtype?: DType },
): Promise<void> {
  const dtype = options.dtype ?? "float32";
  const { head, tokenizer, card } = options;
  const { problemType, modelClass } = KIND_RECORDS[head.kind];
  const labels = labelNames(head);
  await writeModelFolder({
    path,
    config: {
      ...toHuggingFace(model.config, modelClass),
      ...(labels === null ? {} : labelsJson(labels)),
      ...(problemType === null ? {} : { problem_type: problemType }),
      dtype,
    },
    tensors: parameterEntries(model, dtype),
    card,
    saveTokenizer: (folder) => tokenizer.save(folder, { maxLength: model.config.maxPositions }),
  });
}

/**
 * The labels that a fine-tuned classifier tells apart; null for other models, and where names were never given.
 *
 * @param source a folder or a Hub id
 */
export async function readModelLabels(source: string): Promise<readonly string[] | null> {
  using folder = readModelFolder(await resolveModel(source));
  const { labels, weights } = folder;
  return labels === null || !weights.has("classifier.weight") || areGeneric(labels) ? null : labels;
}

function createTaskModel(config: EncoderConfig, head: TaskHead): TaskModel {
  return HEADS[head.kind].create(config, labelNames(head)?.length ?? 0);
}

/** A name for each value that a head gives a text; null where it gives none. */
function labelNames(head: TaskHead): readonly string[] | null {
  if ("labels" in head) return head.labels;
  return KIND_RECORDS[head.kind].labels === "one" ? ["LABEL_0"] : null;
}

function labelsJson(labels: readonly string[]): object {
  return {
    id2label: Object.fromEntries(labels.map((label, index) => [String(index), label])),
    label2id: Object.fromEntries(labels.map((label, index) => [label, index])),
  };
}

function hasHead({ weights }: ModelFolder): boolean {
  return weights.names.some(isTaskParameter);
}

/**
 * A head that is there must be the task's.
 *
 * @throws FormatError when it is for another kind of task, or contradicts its own config.json
 * @throws ConfigError when it has other labels
 */
function checkHead(folder: ModelFolder, model: TaskModel, head: TaskHead, advice: string): void {
  const wanted = [...shapesOf(model).keys()].filter(isTaskParameter);
  const { labels, problemType, purpose } = KIND_RECORDS[head.kind];
  const type = labels === "none" ? null : folder.problemType;
  if (wanted.some((name) => !folder.weights.has(name)) || (type !== null && type !== problemType)) {
    const own = folder.architecture ?? BARE;
    const got = type === null ? own : `${own} for ${type}`;
    throw new FormatError(folder.path, `expected a model ${purpose}, got ${got}. ${advice}`);
  }
  if (labels !== "none") checkLabels(folder, "labels" in head ? head.labels : null, advice);
}

/** @param expected null for a score */
function checkLabels(folder: ModelFolder, expected: readonly string[] | null, advice: string): void {
  const [count = 0] = folder.weights.entry("classifier.weight").shape;
  const { labels: names } = folder;
  if (names !== null && names.length !== count) {
    throw new FormatError(
      join(folder.path, CONFIG_FILE),
      `id2label: expected ${count} names, one for each row of the classifier, got ${names.length}. Correct it, or fetch the model again.`,
    );
  }
  const isNamed = names !== null && !areGeneric(names);
  const fits =
    expected === null
      ? count === 1
      : count === expected.length && (!isNamed || expected.every((label, index) => isSameLabel(names[index], label)));
  if (fits) return;
  const wanted = expected === null ? "a score" : `${expected.length} labels (${expected.join(", ")})`;
  const got = count === 1 ? "a score" : `${count} labels${isNamed ? ` (${names.join(", ")})` : ""}`;
  throw new ConfigError(`${folder.path}: expected a head for ${wanted}, got one for ${got}. ${advice}`);
}

/** Published models write their labels in any case. */
function isSameLabel(one: string | undefined, other: string): boolean {
  return one?.toLowerCase() === other.toLowerCase();
}

/** transformers' names where nobody gave any. */
function areGeneric(labels: readonly string[]): boolean {
  return labels.every((label, index) => label === `LABEL_${index}`);
}
