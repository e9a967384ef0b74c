import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, FormatError } from "../../errors.js";
import { type ModelConfig, readModelConfig } from "../../infer/model-config.js";
import { MODEL_DTYPES, type ModelDType, onnxPaths } from "../../infer/model-files.js";
import type { PipelineTask } from "../../kinds/pipeline-names.js";
import type { Role } from "./description.js";

/** A folder that `limbeck export` wrote, as a site serves it. */
export interface ExportedModel {
  readonly role: Role;
  /** What the page calls it. */
  readonly name: string;
  readonly folder: string;
  readonly task: PipelineTask;
  readonly config: ModelConfig;
  /** config.json and tokenizer.json. */
  readonly texts: readonly StoredFile[];
  /** At least one, the smallest dtype last. */
  readonly weights: readonly (StoredFile & { readonly dtype: ModelDType })[];
}

/** A file on the disk, as it was when it was looked at. */
export interface StoredFile {
  /** Below the model's folder, with slashes. */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

export interface NamedFolder {
  readonly role: Role;
  readonly name: string;
  readonly folder: string;
}

/** By the ends of the names of transformers' classes. */
const TASKS: readonly (readonly [end: RegExp, task: PipelineTask])[] = [
  [/ForMaskedLM$/, "fill-mask"],
  [/ForSequenceClassification$/, "classify"],
  [/ForQuestionAnswering$/, "question-answer"],
  [/Model$/, "embed"],
];

/**
 * Looks at an exported model's files; what is in the large ones is the browser's affair.
 *
 * @throws FormatError when a file is missing or config.json is not that of an exported model
 */
export function readExportedModel({ role, name, folder }: NamedFolder): ExportedModel {
  const texts = ["config.json", "tokenizer.json"].map((file) => requiredFile(folder, file));
  const path = join(folder, "config.json");
  const config = readModelConfig(path, readFileSync(path, "utf8"));
  const weights = MODEL_DTYPES.flatMap((dtype) => {
    const file = storedFile(folder, onnxPaths(dtype)[0]);
    return file === null ? [] : [{ ...file, dtype }];
  });
  if (weights.length === 0) {
    throw new FormatError(
      folder,
      `expected ${onnxPaths("fp32")[0]}, got none of its kind. Run "limbeck export" on the model.`,
    );
  }
  return { role, name, folder, task: taskOf(path, config), config, texts, weights };
}

/**
 * @throws ConfigError when models do not do the same thing, so that there is nothing to compare
 */
export function checkSameTask(models: readonly ExportedModel[]): void {
  const [first, second] = models;
  if (first === undefined || second === undefined || first.task === second.task) return;
  throw new ConfigError(
    `--compare ${second.folder}: expected a model for ${first.task}, as --model is, got one for ${second.task}. Export both for one task.`,
  );
}

function taskOf(path: string, { architecture }: ModelConfig): PipelineTask {
  const found = TASKS.find(([end]) => end.test(architecture ?? ""));
  if (found !== undefined) return found[1];
  const expected = "a class for masked words, classification, question answering or embeddings";
  throw new FormatError(
    path,
    `architectures: expected ${expected}, got ${architecture ?? "none"}. Export the model again.`,
  );
}

function requiredFile(folder: string, name: string): StoredFile {
  const file = storedFile(folder, name);
  if (file !== null) return file;
  throw new FormatError(folder, `expected ${name}, got no such file. Run "limbeck export" on the model.`);
}

function storedFile(folder: string, name: string): StoredFile | null {
  const path = join(folder, name);
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() ? { name, path, bytes: found.size, modifiedMs: found.mtimeMs } : null;
}
