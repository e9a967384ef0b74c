import { type ModelFolder, readModelFolder } from "../hub/folder.js";
import { resolveModel } from "../hub/hub.js";
import { checkTokenizerFits, shapesOf } from "../hub/model-loading.js";
import type { PipelineTask } from "../kinds/kinds.js";
import { Encoder } from "../models/encoder.js";
import { MaskedLm } from "../models/masked-lm.js";
import { QuestionAnswering } from "../models/question-answering.js";
import { SequenceClassifier } from "../models/sequence-classifier.js";
import type { JsonObject } from "../storage/json-file.js";
import { loadTokenizer, type Tokenizer } from "../text/tokenizer.js";
import { architectureOf, exportTask, labelCountOf } from "./heads.js";
import type { GraphShape } from "./onnx-model.js";
import type { WeightSource } from "./parameters.js";

/** A model that can be exported; it holds values only where its engine is asked to compare. */
export type ExportedModule = Encoder | MaskedLm | SequenceClassifier | QuestionAnswering;

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
    const chosen = exportTask(folder, task);
    const { encoder: config } = folder;
    const shape = { config, task: chosen, labelCount: labelCountOf(folder, chosen) };
    const shapes = shapesOf(moduleOf(shape, { pooler: folder.weights.has("pooler.weight") }));
    folder.weights.expect(shapes);
    const parameterNames = [...shapes.keys()];
    const tokenizer = await loadTokenizer(path);
    checkTokenizerFits(path, tokenizer, config);
    const { weights } = folder;
    const json = { ...folder.config, architectures: [architectureOf(folder, chosen)] };
    const dispose = () => folder.close();
    return { folder, config: json, weights, shape, tokenizer, parameterNames, [Symbol.dispose]: dispose };
  } catch (error) {
    folder.close();
    throw error;
  }
}

/** The module that Limbeck's own engine would run, without values. */
export function moduleOf({ config, task, labelCount }: GraphShape, { pooler }: { pooler: boolean }): ExportedModule {
  if (task === "fill-mask") return new MaskedLm(config);
  if (task === "classify") return new SequenceClassifier(config, labelCount);
  if (task === "question-answer") return new QuestionAnswering(config);
  return new Encoder({ ...config, pooler });
}
