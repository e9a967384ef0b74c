import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { manualSeed } from "../../src/engine/tensor/random.js";
import { exportModel } from "../../src/export/export.js";
import { bertBase } from "../../src/families/bert.js";
import type { EncoderConfig } from "../../src/families/config.js";
import { studentConfig } from "../../src/families/families.js";
import { saveTaskModel, type TaskHead } from "../../src/hub/task-model.js";
import type { ModelDType } from "../../src/infer/model-files.js";
import { type Model, type OpenModelOptions, openModel } from "../../src/infer/node.js";
import type { PipelineTask } from "../../src/kinds/kinds.js";
import { HEADS } from "../../src/models/heads.js";
import { loadTokenizer } from "../../src/text/tokenizer.js";

export const TEACHER = resolve(import.meta.dirname, "../../assets/teacher");

/** Weights so large that texts are told apart. */
export const BERT: EncoderConfig = {
  ...{ ...bertBase, vocabSize: 8000, hiddenSize: 32, layers: 2, heads: 2, intermediateSize: 48 },
  ...{ maxPositions: 64, initializerRange: 0.3 },
};
export const DISTILBERT: EncoderConfig = studentConfig(BERT, { layers: 2 });

export const LABELS = ["entailment", "neutral", "contradiction"];
export const CLASSES: TaskHead = { kind: "classification", labels: LABELS };
export const SCORE: TaskHead = { kind: "regression" };
export const ANSWERS: TaskHead = { kind: "question-answering" };

/** Opens a model with one thread: tests run beside each other, and threads that wait would take each other's cores. */
export function open(folder: string, options: OpenModelOptions = {}): Promise<Model> {
  return openModel(folder, { threads: 1, ...options });
}

/** A folder for models, gone when it is disposed of. */
export interface ModelShop extends Disposable {
  readonly folder: string;
  /** The path of a new folder in it. */
  path(): string;
  /** The exported folder of a model with random weights: it holds model.safetensors too. */
  task(config: EncoderConfig, head: TaskHead): Promise<string>;
  /** An export of a model folder. */
  exported(model: string, task?: PipelineTask, dtypes?: readonly ModelDType[]): Promise<string>;
}

export function openModelShop(): ModelShop {
  const folder = mkdtempSync(join(tmpdir(), "limbeck-infer-"));
  let count = 0;
  const path = () => join(folder, `model-${count++}`);
  const exported = async (
    model: string,
    task: PipelineTask | null = null,
    dtypes: readonly ModelDType[] = ["fp32"],
  ) => {
    const out = path();
    const checks = { trimVocab: null, text: null, check: null, maxDrop: 0.01, force: false };
    await exportModel({ model, out, task, dtypes, ...checks });
    return out;
  };
  return {
    folder,
    path,
    exported: (model, task, dtypes) => exported(model, task, dtypes),
    task: async (config, head) => {
      const saved = path();
      manualSeed(7);
      using model = HEADS[head.kind].create(config, "labels" in head ? head.labels.length : 1).materialise();
      await saveTaskModel(saved, model, { head, tokenizer: await loadTokenizer(TEACHER), card: "" });
      return exported(saved);
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
