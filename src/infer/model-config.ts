import * as z from "zod"; // A namespace: bundlers leave out what is not used.
import { FormatError } from "../errors.js";
import { type EncoderConfig, fromHuggingFace } from "../families/config.js";
import { parseJson } from "../text/tokenizer-json.js";

/** What a pipeline must know of a model's config.json. */
export interface ModelConfig {
  readonly encoder: EncoderConfig;
  /** By index; null where it names none. */
  readonly labels: readonly string[] | null;
  /** The class that transformers loads it with: "BertForMaskedLM". */
  readonly architecture: string | null;
  /** What transformers calls a classifier's task. */
  readonly problemType: string | null;
}

const configJson = z.looseObject({
  id2label: z.record(z.string().regex(/^\d+$/), z.string()).nullish(),
  architectures: z.array(z.string()).nullish(),
  problem_type: z.string().nullish(),
});

/**
 * Reads the text of a config.json.
 *
 * @param path named in errors
 * @throws FormatError when it is not that of a BERT or DistilBERT
 */
export function readModelConfig(path: string, text: string): ModelConfig {
  const json = parseJson(path, text, z.unknown());
  const encoder = fromHuggingFace(json, path);
  const parsed = configJson.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new FormatError(path, `${issue?.path.join(".")}: ${issue?.message}. Fetch or export the model again.`);
  }
  const { id2label, architectures, problem_type: problemType } = parsed.data;
  const labels = Object.entries(id2label ?? {})
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, label]) => label);
  return {
    encoder,
    labels: labels.length === 0 ? null : labels,
    architecture: architectures?.[0] ?? null,
    problemType: problemType ?? null,
  };
}
