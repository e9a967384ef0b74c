import { ConfigError } from "../errors.js";
import { architectureOf } from "../families/families.js";
import { type ModelFolder, readModelFolder } from "../hub/folder.js";
import { resolveModel } from "../hub/hub.js";
import { checkTokenizerFits, shapesOf } from "../hub/model-loading.js";
import { KIND_RECORDS, KINDS, type Kind, LABELLED_KINDS, type PipelineTask } from "../kinds/kinds.js";
import { HEADS, type Models } from "../models/heads.js";
import type { JsonObject } from "../storage/json-file.js";
import { loadTokenizer, type Tokenizer } from "../text/tokenizer.js";
import type { GraphShape } from "./model-graph.js";
import type { WeightSource } from "./parameters.js";

/** A model that can be exported; it holds values only where its engine is asked to compare. */
export type ExportedModule = Models[Kind];

/** A model folder, read and checked for one task. */
export interface ExportSource extends Disposable {
  readonly folder: ModelFolder;
  /** config.json in Hugging Face's terms. */
  readonly config: JsonObject;
  readonly weights: WeightSource;
  readonly shape: GraphShape;
  readonly tokenizer: Tokenizer;
  /** The parameters that the task needs. */
  readonly parameterNames: readonly string[];
}

/**
 * Reads a model for export.
 *
 * @param source a folder or a Hub id
 * @param task null for the one that its head is for
 * @throws FormatError when a file is missing, foreign or does not fit the others
 * @throws ConfigError when the model has not the head that the task needs
 */
export async function openSource(source: string, task: PipelineTask | null): Promise<ExportSource> {
  const path = await resolveModel(source);
  const folder = readModelFolder(path);
  try {
    const kind = exportKind(folder, task);
    const { encoder: config } = folder;
    const shape = { config, kind, labelCount: labelCountOf(folder, kind) };
    const shapes = shapesOf(moduleOf(shape, { pooler: folder.weights.has("pooler.weight") }));
    folder.weights.expect(shapes);
    const parameterNames = [...shapes.keys()];
    const tokenizer = await loadTokenizer(path);
    checkTokenizerFits(path, tokenizer, config);
    const { weights } = folder;
    const json = { ...folder.config, architectures: [architectureOf(folder.family, KIND_RECORDS[kind].modelClass)] };
    const dispose = () => folder[Symbol.dispose]();
    return { folder, config: json, weights, shape, tokenizer, parameterNames, [Symbol.dispose]: dispose };
  } catch (error) {
    folder[Symbol.dispose]();
    throw error;
  }
}

/** The model that Limbeck's own engine would run, without values. */
export function moduleOf({ config, kind, labelCount }: GraphShape, { pooler }: { pooler: boolean }): ExportedModule {
  return HEADS[kind].create({ ...config, pooler }, labelCount);
}

/**
 * The kind that a folder's model is exported as: of the task that is asked for, or the one that its head is for.
 *
 * Embeddings need no head: any model gives them.
 *
 * @throws ConfigError when the model has not the head that the task needs
 */
function exportKind(folder: ModelFolder, wanted: PipelineTask | null): Kind {
  const own = ownKind(folder);
  const { pipeline, needsHead } = KIND_RECORDS[own];
  if (wanted === null || wanted === pipeline) return own;
  const headless = KINDS.find((kind) => KIND_RECORDS[kind].pipeline === wanted && !KIND_RECORDS[kind].needsHead);
  if (headless !== undefined) return headless;
  const has = needsHead ? `the head for ${pipeline}` : "no head";
  throw new ConfigError(
    `${folder.path}: expected a model with the head for ${wanted}, got one with ${has}. Fine-tune it first, or export it for ${pipeline}.`,
  );
}

/** By its parameters; of a fine-tuned model, never the kind that it was fine-tuned from. */
function ownKind({ weights, problemType }: ModelFolder): Kind {
  const isOwn = (kind: Kind) => {
    const { mark } = HEADS[kind];
    if (mark === null || !weights.has(mark)) return false;
    const [labelCount = null] = weights.entry(mark).shape;
    return KIND_RECORDS[kind].fits({ labelCount, problemType });
  };
  return [...LABELLED_KINDS, ...KINDS].find(isOwn) ?? "embedding";
}

/** Values that a head gives a text; 0 where it gives none. */
function labelCountOf(folder: ModelFolder, kind: Kind): number {
  const { mark } = HEADS[kind];
  if (KIND_RECORDS[kind].labels === "none" || mark === null) return 0;
  const [count = 0] = folder.weights.entry(mark).shape;
  const { labels: names } = folder;
  if (names === null || names.length === count) return count;
  throw new ConfigError(
    `${folder.path}: id2label of config.json: expected ${count} names, one for each row of the classifier, got ${names.length}. Correct it.`,
  );
}
