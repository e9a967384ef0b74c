import * as z from "zod"; // A namespace: bundlers leave out what is not used.
import { FormatError } from "../errors.js";

/** The shape of an encoder, one for the whole family; HF's config.json in Limbeck's words. */
export interface EncoderConfig {
  family: "bert" | "distilbert";
  vocabSize: number;
  hiddenSize: number;
  layers: number;
  heads: number;
  intermediateSize: number;
  maxPositions: number;
  /** Rows of the token type embedding: 2 for BERT, 0 for DistilBERT, which has none. */
  tokenTypes: number;
  /** Whether the bare encoder carries BERT's pooler; MLM models have none. */
  pooler: boolean;
  dropout: number;
  attentionDropout: number;
  /** Of what a classifier reads; null where it is `dropout`, as in BERT unless its config.json says otherwise. */
  classifierDropout: number | null;
  /** Of what the outputs of question answering read; 0 in BERT. */
  answerDropout: number;
  activation: "gelu" | "gelu_new" | "relu";
  layerNormEps: number;
  initializerRange: number;
  padTokenId: number;
}

/** DistilBERT's config.json has none: transformers fixes it in the model's code. */
export const distilBertLayerNormEps = 1e-12;

/** DistilBERT's dropout in heads, as transformers has it and published models leave it. */
export const distilBertHeadDropouts = { classifierDropout: 0.2, answerDropout: 0.1 };

const count = z.number().int().positive();
const share = z.number().min(0).max(1);
const activation = z.enum(["gelu", "gelu_new", "relu"]);

const bertJson = z.looseObject({
  model_type: z.literal("bert"),
  vocab_size: count,
  hidden_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  intermediate_size: count,
  max_position_embeddings: count,
  type_vocab_size: count.default(2),
  hidden_dropout_prob: share.default(0.1),
  attention_probs_dropout_prob: share.default(0.1),
  classifier_dropout: share.nullable().default(null),
  hidden_act: activation.default("gelu"),
  layer_norm_eps: z.number().positive().default(1e-12),
  initializer_range: z.number().positive().default(0.02),
  pad_token_id: z.number().int().nullable().default(0),
  position_embedding_type: z.literal("absolute").optional(),
  is_decoder: z.literal(false).optional(), // A decoder's positions see only those before them.
});

const distilBertJson = z.looseObject({
  model_type: z.literal("distilbert"),
  vocab_size: count,
  dim: count,
  n_layers: count,
  n_heads: count,
  hidden_dim: count,
  max_position_embeddings: count,
  dropout: share.default(0.1),
  attention_dropout: share.default(0.1),
  seq_classif_dropout: share.default(distilBertHeadDropouts.classifierDropout),
  qa_dropout: share.default(distilBertHeadDropouts.answerDropout),
  activation: activation.default("gelu"),
  initializer_range: z.number().positive().default(0.02),
  pad_token_id: z.number().int().nullable().default(0),
});

/**
 * Reads Hugging Face's config.json.
 *
 * @param path named in errors
 * @throws FormatError for another model type, a missing or wrong value, or heads that do not divide the hidden size
 */
export function fromHuggingFace(json: unknown, path: string): EncoderConfig {
  const parsed = z.discriminatedUnion("model_type", [bertJson, distilBertJson]).safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue?.path.join(".") || "model_type";
    const advice = where === "model_type" ? " Limbeck reads model types bert and distilbert." : "";
    throw new FormatError(path, `${where}: ${issue?.message ?? "not valid"}.${advice}`);
  }
  const config = parsed.data.model_type === "bert" ? fromBert(parsed.data) : fromDistilBert(parsed.data);
  if (config.hiddenSize % config.heads !== 0) {
    throw new FormatError(
      path,
      `hidden size ${config.hiddenSize} is not a multiple of ${config.heads} attention heads.`,
    );
  }
  return config;
}

function fromBert(json: z.infer<typeof bertJson>): EncoderConfig {
  return {
    family: "bert",
    vocabSize: json.vocab_size,
    hiddenSize: json.hidden_size,
    layers: json.num_hidden_layers,
    heads: json.num_attention_heads,
    intermediateSize: json.intermediate_size,
    maxPositions: json.max_position_embeddings,
    tokenTypes: json.type_vocab_size,
    pooler: true,
    dropout: json.hidden_dropout_prob,
    attentionDropout: json.attention_probs_dropout_prob,
    classifierDropout: json.classifier_dropout,
    answerDropout: 0,
    activation: json.hidden_act,
    layerNormEps: json.layer_norm_eps,
    initializerRange: json.initializer_range,
    padTokenId: json.pad_token_id ?? 0,
  };
}

function fromDistilBert(json: z.infer<typeof distilBertJson>): EncoderConfig {
  return {
    family: "distilbert",
    vocabSize: json.vocab_size,
    hiddenSize: json.dim,
    layers: json.n_layers,
    heads: json.n_heads,
    intermediateSize: json.hidden_dim,
    maxPositions: json.max_position_embeddings,
    tokenTypes: 0,
    pooler: false,
    dropout: json.dropout,
    attentionDropout: json.attention_dropout,
    classifierDropout: json.seq_classif_dropout,
    answerDropout: json.qa_dropout,
    activation: json.activation,
    layerNormEps: distilBertLayerNormEps,
    initializerRange: json.initializer_range,
    padTokenId: json.pad_token_id ?? 0,
  };
}

/** Hugging Face's config.json for this shape, with the class that loads it ("BertForMaskedLM", …). */
export function toHuggingFace(config: EncoderConfig, architecture: string): Record<string, unknown> {
  const shared = {
    architectures: [architecture],
    vocab_size: config.vocabSize,
    max_position_embeddings: config.maxPositions,
    initializer_range: config.initializerRange,
    pad_token_id: config.padTokenId,
    dtype: "float32",
  };
  if (config.family === "distilbert") {
    return {
      model_type: "distilbert",
      ...shared,
      dim: config.hiddenSize,
      n_layers: config.layers,
      n_heads: config.heads,
      hidden_dim: config.intermediateSize,
      dropout: config.dropout,
      attention_dropout: config.attentionDropout,
      seq_classif_dropout: config.classifierDropout ?? config.dropout,
      qa_dropout: config.answerDropout,
      activation: config.activation,
      sinusoidal_pos_embds: false,
      tie_weights_: true,
    };
  }
  return {
    model_type: "bert",
    ...shared,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    intermediate_size: config.intermediateSize,
    type_vocab_size: config.tokenTypes,
    hidden_dropout_prob: config.dropout,
    attention_probs_dropout_prob: config.attentionDropout,
    classifier_dropout: config.classifierDropout,
    hidden_act: config.activation,
    layer_norm_eps: config.layerNormEps,
    position_embedding_type: "absolute",
  };
}
