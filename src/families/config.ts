import * as z from "zod"; // A namespace: bundlers leave out what is not used.
import { FormatError } from "../errors.js";

/** The structure of an encoder and of the heads on it, by values: modules and ONNX graphs are built from it alone. */
export interface EncoderConfig {
  /** The model type of the family that writes it back as config.json; nothing else is decided by it. */
  family: string;
  vocabSize: number;
  hiddenSize: number;
  layers: number;
  heads: number;
  intermediateSize: number;
  /** The longest sequence, in tokens. */
  maxPositions: number;
  /** Rows of the position table before that of a sequence's first token: 0, or the padding index + 1 in RoBERTa. */
  positionOffset: number;
  /** Rows of the token type embedding: 2 for BERT, 0 for DistilBERT, which has none. */
  tokenTypes: number;
  /** Whether the bare encoder carries BERT's pooler; MLM models have none. */
  pooler: boolean;
  dropout: number;
  attentionDropout: number;
  /** Whether `dropout` falls between attention and its norm too, as in BERT. */
  attentionOutputDropout: boolean;
  /** The activation of a layer of its own before a classifier; null where that reads the encoder's pooler. */
  preClassifier: "relu" | null;
  /** Of what a classifier reads; null where it is `dropout`, as in BERT unless its config.json says otherwise. */
  classifierDropout: number | null;
  /** Of what the outputs of question answering read; 0 in BERT. */
  answerDropout: number;
  activation: "gelu" | "gelu_new" | "relu";
  layerNormEps: number;
  initializerRange: number;
  padTokenId: number;
}

/** What values of a config.json may be. */
export const count = z.number().int().positive();
export const share = z.number().min(0).max(1);
export const activation = z.enum(["gelu", "gelu_new", "relu"]);

/**
 * A config.json by a family's schema.
 *
 * @param path named in errors
 * @throws FormatError naming the first value that is missing or wrong
 */
export function checkedJson<T>(schema: z.ZodType<T>, json: unknown, path: string): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FormatError(path, `${issue?.path.join(".") || "config.json"}: ${issue?.message ?? "not valid"}.`);
}
