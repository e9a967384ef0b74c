import { existsSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "../errors.js";
import { isJsonObject, kindOf, quoted, readJsonObject } from "../storage/json-file.js";
import { openSafetensors, type SafetensorsFile, type TensorReader } from "./safetensors.js";
import type { TensorInfo } from "./safetensors-header.js";

export const WEIGHTS_FILE = "model.safetensors";
export const INDEX_FILE = "model.safetensors.index.json";

/**
 * Opens a model folder's weights: model.safetensors, or the shards that model.safetensors.index.json names.
 *
 * @throws FormatError when there are none, a shard is missing, or a tensor is not in the shard the index says
 */
export function openWeights(folder: string): TensorReader {
  const single = join(folder, WEIGHTS_FILE);
  if (existsSync(single)) return openSafetensors(single);
  const index = join(folder, INDEX_FILE);
  if (existsSync(index)) return openShards(folder, index);
  const advice = existsSync(join(folder, "pytorch_model.bin"))
    ? "pytorch_model.bin is there: load it in Python and call save_pretrained to get safetensors."
    : "Check the path.";
  throw new FormatError(folder, `expected ${WEIGHTS_FILE} or ${INDEX_FILE}, got neither. ${advice}`);
}

/** File name of the shard of each tensor, as an index says. */
export function readIndex(path: string): Map<string, string> {
  const weightMap = readJsonObject(path, "an index of safetensors shards").weight_map;
  if (!isJsonObject(weightMap)) {
    throw new FormatError(path, `"weight_map": expected an object of file names, got ${kindOf(weightMap)}.`);
  }
  const shards = new Map<string, string>();
  for (const [name, shard] of Object.entries(weightMap)) {
    // A shard is a file of the same folder: an index must not reach out of it.
    if (typeof shard !== "string" || !/^[^/\\]+\.safetensors$/.test(shard)) {
      const got = quoted(JSON.stringify(shard));
      throw new FormatError(path, `tensor ${quoted(name)}: expected the name of a .safetensors file, got ${got}.`);
    }
    shards.set(name, shard);
  }
  return shards;
}

function openShards(folder: string, index: string): TensorReader {
  const shardOf = readIndex(index);
  const files = new Map<string, SafetensorsFile>();
  const reader = new ShardedWeights(index, shardOf, files);
  try {
    for (const shard of new Set(shardOf.values())) files.set(shard, openSafetensors(join(folder, shard)));
    for (const [name, shard] of shardOf) checkShardHas(index, name, files.get(shard), shard);
  } catch (error) {
    reader.close();
    throw error;
  }
  return reader;
}

function checkShardHas(index: string, name: string, file: SafetensorsFile | undefined, shard: string): void {
  if (file?.has(name)) return;
  throw new FormatError(
    index,
    `expected tensor ${quoted(name)} in ${shard}, got none of that name. Fetch the model again.`,
  );
}

class ShardedWeights implements TensorReader {
  readonly names: readonly string[];
  readonly metadata = {};
  readonly #index: string;
  readonly #shardOf: ReadonlyMap<string, string>;
  readonly #files: ReadonlyMap<string, SafetensorsFile>;

  constructor(index: string, shardOf: ReadonlyMap<string, string>, files: ReadonlyMap<string, SafetensorsFile>) {
    this.names = [...shardOf.keys()];
    this.#index = index;
    this.#shardOf = shardOf;
    this.#files = files;
  }

  has(name: string): boolean {
    return this.#shardOf.has(name);
  }

  entry(name: string): TensorInfo {
    return this.#file(name).entry(name);
  }

  read(name: string): Uint8Array {
    return this.#file(name).read(name);
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #file(name: string): SafetensorsFile {
    const file = this.#files.get(this.#shardOf.get(name) ?? "");
    if (file === undefined)
      throw new FormatError(this.#index, `expected a tensor ${quoted(name)}, got none of that name.`);
    return file;
  }
}
