import { readCorpus } from "../data/readers/corpus.js";
import { bytesPerElement } from "../engine/tensor/dtype.js";
import type { EncoderConfig } from "../families/config.js";
import { type JsonObject, toJsonObject } from "../storage/json-file.js";
import { Tokenizer } from "../text/tokenizer.js";
import { readTokenizerFolder } from "../text/tokenizer-files.js";
import { trimVocabulary } from "../text/trim-vocabulary.js";
import type { WeightSource } from "./parameters.js";
import { WORDS } from "./precision.js";
import type { ExportSource } from "./source.js";

/** Texts that are tokenised at a time. */
const DOCUMENTS = 256;

/** Parameters with a row, or an element, for each word piece. */
const BY_PIECE = new Set([WORDS, "mlm.bias"]);

/**
 * A model whose vocabulary holds what a corpus uses: tokenizer, embeddings and output layer with fewer rows.
 *
 * @param corpus files or folders
 * @throws FormatError when the corpus is missing or damaged
 */
export async function trimSource(source: ExportSource, corpus: readonly string[]): Promise<ExportSource> {
  const used = await usedIds(source.tokenizer, corpus);
  const { spec, oldIds } = trimVocabulary(await readTokenizerFolder(source.folder.path), used);
  const tokenizer = new Tokenizer(spec);
  const config = { ...source.shape.config, vocabSize: oldIds.length, padTokenId: tokenizer.ids.pad };
  return {
    ...source,
    config: { ...source.config, ...changesOf(source, config) },
    shape: { ...source.shape, config },
    weights: withRows(source.weights, oldIds),
    tokenizer,
    [Symbol.dispose]: () => source[Symbol.dispose](),
  };
}

/** What config.json says otherwise of a structure that has become another. */
function changesOf({ folder: { family }, shape }: ExportSource, config: EncoderConfig): JsonObject {
  const before = family.format(shape.config);
  return toJsonObject(
    Object.fromEntries(Object.entries(family.format(config)).filter(([key, value]) => value !== before[key])),
  );
}

async function usedIds(tokenizer: Tokenizer, corpus: readonly string[]): Promise<Set<number>> {
  const used = new Set<number>();
  let batch: string[] = [];
  const count = async () => {
    for (const ids of await tokenizer.encodeIds(batch)) for (const id of ids) used.add(id);
    batch = [];
  };
  for await (const document of readCorpus(corpus)) {
    batch.push(document);
    if (batch.length === DOCUMENTS) await count();
  }
  await count();
  return used;
}

function withRows(weights: WeightSource, oldIds: Uint32Array): WeightSource {
  return {
    has: (name) => weights.has(name),
    entry: (name) => {
      const { dtype, shape } = weights.entry(name);
      return { dtype, shape: BY_PIECE.has(name) ? [oldIds.length, ...shape.slice(1)] : shape };
    },
    read: (name) => {
      if (!BY_PIECE.has(name)) return weights.read(name);
      const { dtype, shape } = weights.entry(name);
      const rowBytes = bytesPerElement(dtype) * (shape[1] ?? 1);
      return pickRows(weights.read(name), oldIds, rowBytes);
    },
  };
}

function pickRows(all: Uint8Array, oldIds: Uint32Array, rowBytes: number): Uint8Array {
  const picked = new Uint8Array(oldIds.length * rowBytes);
  for (const [id, old] of oldIds.entries())
    picked.set(all.subarray(old * rowBytes, (old + 1) * rowBytes), id * rowBytes);
  return picked;
}
