import { join } from "node:path";
import { z } from "zod";
import { FormatError } from "../errors.js";
import { replaceText } from "../storage/atomic-files.js";
import { digestFile } from "../storage/digest.js";
import { formatJson, readJsonFile } from "../storage/json-file.js";
import { GO_ON } from "./shard.js";

export const MANIFEST_FILE = "dataset.json";
export const FREQUENCIES_FILE = "frequencies.json";
export const TOKENIZER_FOLDER = "tokenizer";
const VERSION = 1;
const REMAKE = 'Make the dataset again with "limbeck prepare".';

const count = z.number().int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits");

export const shardSchema = z.strictObject({
  file: z.string().regex(/^[\w-]+\.tokens$/, "expected the name of a shard"),
  tokens: count,
  documents: count,
  bytes: count,
  sha256,
});
const splitSchema = z.strictObject({ tokens: count, documents: count, shards: z.array(shardSchema) });
export const optionsSchema = z.strictObject({
  corpus: z.array(z.strictObject({ path: z.string(), bytes: count })),
  heldOut: z.number(),
  heldOutTokens: count,
  shardTokens: count,
});
const manifestSchema = z.strictObject({
  format: z.literal("limbeck-dataset"),
  version: z.literal(VERSION),
  tokenizer: z.strictObject({ hash: sha256, vocabSize: count.positive(), separatorId: count }),
  documents: count,
  tokens: count,
  unknowns: count,
  frequencies: z.strictObject({ file: z.literal(FREQUENCIES_FILE), sha256 }),
  splits: z.strictObject({ train: splitSchema, heldout: splitSchema }),
  options: optionsSchema,
});
const frequenciesSchema = z.array(count);

/** A shard as the manifest lists it. */
export type ShardEntry = z.infer<typeof shardSchema>;
/** What of `prepare`'s options decides its result. */
export type DatasetOptions = z.infer<typeof optionsSchema>;
/** dataset.json. Tokens count the separators; unknowns are the [UNK] among them. */
export type DatasetManifest = z.infer<typeof manifestSchema>;

/** The fields of a manifest that are the same for every dataset of this version. */
export const MANIFEST_HEAD = { format: "limbeck-dataset", version: VERSION } as const;

/** @throws FormatError when dataset.json is missing or not what this version writes */
export function readManifest(folder: string): DatasetManifest {
  return readJsonFile(join(folder, MANIFEST_FILE), manifestSchema, { what: "a dataset's description", remedy: REMAKE });
}

/** @throws StorageError when the disk is full */
export function writeManifest(folder: string, manifest: DatasetManifest): void {
  replaceText(join(folder, MANIFEST_FILE), formatJson(manifestSchema.parse(manifest)), { next: GO_ON });
}

/**
 * How often each token occurs in the training split, [V].
 *
 * @throws FormatError when the file is not the one that the manifest names
 */
export function readFrequencies(folder: string, { frequencies, tokenizer }: DatasetManifest): Float64Array {
  const path = join(folder, frequencies.file);
  const what = "a dataset's token counts";
  const counts = readJsonFile(path, frequenciesSchema, { what, remedy: REMAKE });
  const actual = digestFile(path, what).sha256;
  if (actual !== frequencies.sha256) {
    throw new FormatError(path, `changed or corrupt: expected SHA-256 ${frequencies.sha256}, got ${actual}. ${REMAKE}`);
  }
  if (counts.length !== tokenizer.vocabSize) {
    throw new FormatError(path, `expected ${tokenizer.vocabSize} counts, one a token, got ${counts.length}. ${REMAKE}`);
  }
  return Float64Array.from(counts);
}
