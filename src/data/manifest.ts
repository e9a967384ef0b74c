import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FormatError } from "../errors.js";
import { writeAtomically } from "./disk.js";
import { hashFile } from "./shard.js";

export const MANIFEST_FILE = "dataset.json";
export const FREQUENCIES_FILE = "frequencies.json";
export const TOKENIZER_FOLDER = "tokenizer";
const VERSION = 1;
const REMAKE = 'Make the dataset again with "limbeck prepare".';

const count = z.number().int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits");

const shardSchema = z.strictObject({
  file: z.string().regex(/^[\w-]+\.tokens$/, "expected the name of a shard"),
  tokens: count,
  documents: count,
  bytes: count,
  sha256,
});
const splitSchema = z.strictObject({ tokens: count, documents: count, shards: z.array(shardSchema) });
const optionsSchema = z.strictObject({
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

export { optionsSchema, shardSchema };

/** The fields of a manifest that are the same for every dataset of this version. */
export const MANIFEST_HEAD = { format: "limbeck-dataset", version: VERSION } as const;

/** @throws FormatError when dataset.json is missing or not what this version writes */
export function readManifest(folder: string): DatasetManifest {
  return parseJsonFile(join(folder, MANIFEST_FILE), manifestSchema, REMAKE);
}

/** @throws StorageError when the disk is full */
export function writeManifest(folder: string, manifest: DatasetManifest): void {
  writeAtomically(join(folder, MANIFEST_FILE), `${JSON.stringify(manifestSchema.parse(manifest), null, 2)}\n`);
}

/**
 * How often each token occurs in the training split, [V].
 *
 * @throws FormatError when the file is not the one that the manifest names
 */
export function readFrequencies(folder: string, { frequencies, tokenizer }: DatasetManifest): Float64Array {
  const path = join(folder, frequencies.file);
  const counts = parseJsonFile(path, frequenciesSchema, REMAKE);
  const actual = hashFile(path);
  if (actual !== frequencies.sha256) {
    throw new FormatError(path, `changed or corrupt: expected SHA-256 ${frequencies.sha256}, got ${actual}. ${REMAKE}`);
  }
  if (counts.length !== tokenizer.vocabSize) {
    throw new FormatError(path, `expected ${tokenizer.vocabSize} counts, one a token, got ${counts.length}. ${REMAKE}`);
  }
  return Float64Array.from(counts);
}

/** Reads a JSON file of known form; whatever is wrong with it is one line. */
export function parseJsonFile<T>(path: string, schema: z.ZodType<T>, advice: string): T {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    throw new FormatError(path, `${missing ? "no such file" : "not a JSON file, or cut off"}. ${advice}`, { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join(".") || "the document";
  throw new FormatError(path, `${where}: ${issue?.message ?? "unexpected form"}. ${advice}`);
}
