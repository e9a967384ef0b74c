import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manualSeed } from "../../src/engine/tensor/random.js";
import { tidy } from "../../src/engine/tensor/scope.js";
import { type ExportOptions, exportModel } from "../../src/export/export.js";
import type { GraphShape } from "../../src/export/model-graph.js";
import { type ExportedModule, moduleOf } from "../../src/export/source.js";
import { bertBase } from "../../src/families/bert.js";
import type { EncoderConfig } from "../../src/families/config.js";
import { distilBertBase } from "../../src/families/distilbert.js";
import { toHuggingFace } from "../../src/families/families.js";
import { writeModelFolder } from "../../src/hub/folder.js";
import { parameterEntries, saveMaskedLm } from "../../src/hub/model-loading.js";
import { saveTaskModel } from "../../src/hub/task-model.js";
import { KINDS as ALL_KINDS, KIND_RECORDS, type PipelineTask, type Kind as TaskKind } from "../../src/kinds/kinds.js";
import { MaskedLm } from "../../src/models/masked-lm.js";
import { QuestionAnswering } from "../../src/models/question-answering.js";
import { SequenceClassifier } from "../../src/models/sequence-classifier.js";
import type { Tokenizer } from "../../src/text/tokenizer.js";
import { smallTokenizer } from "../models/small-tokenizer.js";

/** A model with a head, of a family. */
export interface Kind {
  readonly family: EncoderConfig["family"];
  readonly task: PipelineTask;
  /** Of a classifier: 1 for a regression. */
  readonly labelCount?: number;
}

/** Heads are for these, in both families. */
export const KINDS: readonly Kind[] = (["bert", "distilbert"] as const).flatMap((family): Kind[] => [
  { family, task: "fill-mask" },
  { family, task: "classify", labelCount: 3 },
  { family, task: "classify", labelCount: 1 },
  { family, task: "question-answer" },
  { family, task: "embed" },
]);

function kindOf({ task, labelCount = 0 }: Kind): TaskKind {
  const isOf = (kind: TaskKind) =>
    KIND_RECORDS[kind].pipeline === task && KIND_RECORDS[kind].fits({ labelCount, problemType: null });
  return ALL_KINDS.find(isOf) ?? "embedding";
}

export function nameOf({ family, task, labelCount }: Kind): string {
  return [family, task, ...(labelCount === undefined ? [] : [labelCount])].join("-");
}

/** Three layers of 32; every value differs from its default, where it has one. */
export function smallConfig(family: Kind["family"], changes: Partial<EncoderConfig> = {}): EncoderConfig {
  const base = family === "bert" ? { ...bertBase, layerNormEps: 1e-5 } : distilBertBase;
  const sizes = { vocabSize: 57, hiddenSize: 32, layers: 3, heads: 4, intermediateSize: 48, maxPositions: 40 };
  return { ...base, ...sizes, initializerRange: 0.2, ...changes };
}

/** A folder of small models, made as they are asked for. */
export class SmallModels implements Disposable {
  #folder: string | null = null;
  #tokenizer: Tokenizer | null = null;

  /** Made when it is asked for: tests that are skipped clean nothing up. */
  get folder(): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), "limbeck-export-"));
    return this.#folder;
  }

  async tokenizer(): Promise<Tokenizer> {
    this.#tokenizer ??= await smallTokenizer(join(this.folder, "tokenizer"));
    return this.#tokenizer;
  }

  /** Writes a model with random values, norms and biases too, and returns its folder. */
  async make(kind: Kind, { name = nameOf(kind), ...changes }: Partial<EncoderConfig> & { name?: string } = {}) {
    const path = join(this.folder, name);
    const shape = { config: smallConfig(kind.family, changes), kind: kindOf(kind), labelCount: kind.labelCount ?? 0 };
    const model = randomised(moduleOf(shape, { pooler: kind.family === "bert" }));
    await save(path, model, shape, await this.tokenizer());
    model.dispose();
    return path;
  }

  /** Exports a model to a new folder, and says what came of it. */
  async export(model: string, changes: Partial<ExportOptions> = {}) {
    mkdirSync(join(this.folder, "exports"), { recursive: true });
    const out = mkdtempSync(join(this.folder, "exports", "out-"));
    return exportModel({ ...exportDefaults, model, out, ...changes });
  }

  [Symbol.dispose](): void {
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
  }
}

const exportDefaults: Omit<ExportOptions, "model" | "out"> = {
  task: null,
  dtypes: ["fp32", "fp16", "int8"],
  trimVocab: null,
  text: null,
  check: null,
  maxDrop: 0.01,
  force: false,
};

function randomised<M extends ExportedModule>(model: M): M {
  manualSeed(5);
  model.materialise();
  for (const [name, { value }] of model.namedParameters()) {
    if (name.endsWith("bias") || /[nN]orm/.test(name)) tidy(() => void value.add_(value.clone().normal_(0, 0.2)));
  }
  return model;
}

async function save(path: string, model: ExportedModule, shape: GraphShape, tokenizer: Tokenizer): Promise<void> {
  if (model instanceof MaskedLm) return saveMaskedLm(path, model, { tokenizer, card: "" });
  if (model instanceof QuestionAnswering) {
    return saveTaskModel(path, model, { head: { kind: "question-answering" }, tokenizer, card: "" });
  }
  if (model instanceof SequenceClassifier) {
    const labels = ["negative", "positive", "neither"].slice(0, shape.labelCount);
    const head =
      labels.length === 1 ? ({ kind: "regression" } as const) : ({ kind: "classification", labels } as const);
    return saveTaskModel(path, model, { head, tokenizer, card: "" });
  }
  const config = toHuggingFace(model.config, "Model");
  const saveTokenizer = (folder: string) => tokenizer.save(folder);
  await writeModelFolder({ path, config, tensors: parameterEntries(model), card: "", saveTokenizer });
}
