import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, FormatError } from "../../errors.js";
import { kindOfClass, type ModelConfig, readModelConfig } from "../../infer/model-config.js";
import { MODEL_DTYPES, type ModelDType, onnxPaths } from "../../infer/model-files.js";
import { KIND_RECORDS, type Kind } from "../../kinds/kinds.js";
import type { Role } from "./description.js";

/** A folder that `limbeck export` wrote, as a site serves it. */
export interface ExportedModel {
  readonly role: Role;
  /** What the page calls it. */
  readonly name: string;
  readonly folder: string;
  readonly kind: Kind;
  readonly config: ModelConfig;
  /** config.json and tokenizer.json. */
  readonly texts: readonly StoredFile[];
  /** At least one, the smallest dtype last. */
  readonly weights: readonly (StoredFile & { readonly dtype: ModelDType })[];
}

/** A file on the disk, as it was when it was looked at. */
interface StoredFile {
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
  return { role, name, folder, kind: kindOf(path, config), config, texts, weights };
}

/**
 * @throws ConfigError when models do not do the same thing, so that there is nothing to compare
 */
export function checkSameTask(models: readonly ExportedModel[]): void {
  const [first, second] = models;
  if (first === undefined || second === undefined) return;
  const [expected, got] = [first, second].map(({ kind }) => KIND_RECORDS[kind].pipeline);
  if (expected === got) return;
  throw new ConfigError(
    `--compare ${second.folder}: expected a model for ${expected}, as --model is, got one for ${got}. Export both for one task.`,
  );
}

function kindOf(path: string, config: ModelConfig): Kind {
  const kind = kindOfClass(config);
  if (kind !== null) return kind;
  const expected = "a class for masked words, classification, question answering or embeddings";
  throw new FormatError(
    path,
    `architectures: expected ${expected}, got ${config.architecture ?? "none"}. Export the model again.`,
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
