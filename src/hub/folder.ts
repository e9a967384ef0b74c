import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { FormatError } from "../errors.js";
import { architectureOf, familyOf, tokenizerFiles } from "../families/families.js";
import type { Family } from "../families/family.js";
import { type ModelConfig, modelConfigOf } from "../infer/model-config.js";
import { FolderDraft, linkOrCopy, steppedAside, writeSynced } from "../storage/atomic-files.js";
import { writeError } from "../storage/disk.js";
import { formatJson, type JsonObject, quoted, readJsonObject, toJsonObject } from "../storage/json-file.js";
import { fileEntries, ModelWeights } from "./model-weights.js";
import { serializeSafetensors, type TensorEntries } from "./safetensors.js";
import { openWeights, WEIGHTS_FILE } from "./weights.js";

export const CONFIG_FILE = "config.json";

/** A Hugging Face model folder, opened: its weights are read on demand. */
export interface ModelFolder extends ModelConfig, Disposable {
  readonly path: string;
  /** config.json as it stands in the file. */
  readonly config: JsonObject;
  readonly family: Family;
  readonly weights: ModelWeights;
}

/** What goes into a model folder. */
interface ModelFolderContent {
  readonly path: string;
  /** config.json in Hugging Face's terms: `model_type` and `architectures` decide the parameters' names. */
  readonly config: object;
  /** Parameters under our names. */
  readonly tensors: TensorEntries;
  /** README.md, from `formatModelCard`; where it says what `writeMore` found, a function that is called after it. */
  readonly card: string | (() => string);
  /** Writes the tokenizer's files into a folder. */
  readonly saveTokenizer: (folder: string) => void | Promise<void>;
  /** Writes what else belongs to the model: its ONNX files. */
  readonly writeMore?: (folder: string) => void | Promise<void>;
}

// What this project and Hugging Face's tools write beside the weights: replacing a folder of these loses nothing else.
const MODEL_FILES = [CONFIG_FILE, "generation_config.json", "README.md", ".gitattributes", "added_tokens.json"];
const WEIGHT_FILES = /^model.*\.safetensors(\.index\.json)?$/;

/**
 * Opens a model folder: config.json and the header of its weights are read and checked.
 *
 * @throws FormatError when the folder, its config.json or its weights are missing, foreign or damaged
 */
export function readModelFolder(path: string): ModelFolder {
  if (!existsSync(path))
    throw new FormatError(path, `expected a model folder, got nothing there. ${whereItMayBe(path)}`);
  if (!statSync(path).isDirectory())
    throw new FormatError(path, "expected a model folder, got a file. Give its folder.");
  const configPath = join(path, CONFIG_FILE);
  const config = readJsonObject(configPath, "a model's config.json");
  const family = familyOf(config, configPath);
  const said = modelConfigOf(configPath, config);
  const reader = openWeights(path);
  try {
    const weights = new ModelWeights(path, family, reader);
    return { path, config, family, ...said, weights, [Symbol.dispose]: () => weights[Symbol.dispose]() };
  } catch (error) {
    reader.close();
    throw error;
  }
}

/**
 * Writes a model folder whole or not at all: into a folder beside it, synced, renamed.
 *
 * A model that is there already is replaced once the new one is complete.
 *
 * @throws FormatError when `path` holds something that is not a model
 * @throws StorageError when the disk is full; what was there before stays
 */
export async function writeModelFolder(content: ModelFolderContent): Promise<void> {
  const { path, config, tensors, card, saveTokenizer, writeMore } = content;
  const target = resolve(path);
  const entries = fileEntries(tensors, namingOf(join(path, CONFIG_FILE), toJsonObject(config)));
  // transformers refuses safetensors that do not say which framework's layout they have.
  const weights = serializeSafetensors(entries, { format: "pt" });
  try {
    using draft = new FolderDraft(target);
    assertModelFolderReplaceable(target);
    writeSynced(join(draft.path, CONFIG_FILE), [Buffer.from(formatJson(config))]);
    writeSynced(join(draft.path, WEIGHTS_FILE), weights.chunks);
    await saveTokenizer(draft.path);
    await writeMore?.(draft.path);
    writeSynced(join(draft.path, "README.md"), [Buffer.from(typeof card === "string" ? card : card())]);
    draft.commit();
  } catch (error) {
    throw writeError(path, error, { neededBytes: weights.byteLength });
  }
}

/**
 * Puts a second name for a model folder's files in place of `path`, whole or not at all; a model that is there already
 * is replaced. It takes no room where the disk has hard links, and is a copy elsewhere.
 *
 * @throws FormatError when `path` holds something that is not a model
 * @throws StorageError when the disk is full; what was there before stays
 */
export function copyModelFolder(source: string, path: string): void {
  try {
    using draft = new FolderDraft(path);
    assertModelFolderReplaceable(path);
    for (const name of readdirSync(source)) linkOrCopy(join(source, name), join(draft.path, name));
    draft.commit();
  } catch (error) {
    throw writeError(path, error);
  }
}

/**
 * Checks, before hours of work, that a model may be written here: nothing there, an empty folder, or a model folder.
 *
 * @throws FormatError naming what else is there
 */
export function assertModelFolderReplaceable(path: string): void {
  if (!existsSync(path)) return;
  const advice = "Give another path, or move it away.";
  if (!statSync(path).isDirectory()) {
    throw new FormatError(path, `expected a new or a model folder to write to, got a file. ${advice}`);
  }
  const names = readdirSync(path);
  const ours = new Set([...MODEL_FILES, ...tokenizerFiles()]);
  const foreign =
    names.find((name) => !ours.has(name) && !WEIGHT_FILES.test(name)) ??
    (names.includes(CONFIG_FILE) ? undefined : names[0]);
  if (foreign !== undefined) {
    throw new FormatError(
      path,
      `expected a new or a model folder to write to, got one with ${quoted(foreign)}. ${advice}`,
    );
  }
}

/** How the parameters of a model with this config.json are named. */
function namingOf(path: string, config: JsonObject): { family: Family; bare: boolean } {
  const { architectures } = config;
  const first: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  const family = familyOf(config, path);
  if (typeof first === "string") return { family, bare: first === architectureOf(family, "Model") };
  throw new FormatError(path, `expected "architectures" to name one, got ${JSON.stringify(architectures)}.`);
}

/** What to do when there is no folder: a replacement cut short has left the model beside it. */
function whereItMayBe(path: string): string {
  const old = steppedAside(resolve(path));
  return old === null ? "Check the path." : `A replacement was cut short: rename ${old} back to it.`;
}
