import * as z from "zod"; // A namespace: bundlers leave out what is not used.
import { activation, checkedJson, count, type EncoderConfig, share } from "./config.js";
import type { Family, StudentShape } from "./family.js";

/** What DistilBERT's code in transformers fixes, or its published models leave as it is there. */
const FIXED = {
  family: "distilbert",
  positionOffset: 0,
  tokenTypes: 0,
  pooler: false,
  attentionOutputDropout: false, // transformers, modeling_distilbert.py, TransformerBlock
  preClassifier: "relu",
  layerNormEps: 1e-12,
} as const;
const HEAD_DROPOUTS = { classifierDropout: 0.2, answerDropout: 0.1 };

const configJson = z.looseObject({
  vocab_size: count,
  dim: count,
  n_layers: count,
  n_heads: count,
  hidden_dim: count,
  max_position_embeddings: count,
  dropout: share.default(0.1),
  attention_dropout: share.default(0.1),
  seq_classif_dropout: share.default(HEAD_DROPOUTS.classifierDropout),
  qa_dropout: share.default(HEAD_DROPOUTS.answerDropout),
  activation: activation.default("gelu"),
  initializer_range: z.number().positive().default(0.02),
  pad_token_id: z.number().int().nullable().default(0),
});

/** DistilBERT's structure beside a teacher's: other depth, no token types, no pooler (Sanh et al. 2019, section 3). */
export function distilBertStudent(teacher: EncoderConfig, { layers }: StudentShape): EncoderConfig {
  return { ...teacher, ...FIXED, ...HEAD_DROPOUTS, layers };
}

/** DistilBERT (Sanh et al. 2019). */
export const distilBert: Family = {
  modelType: "distilbert",
  title: "DistilBERT",
  classPrefix: "DistilBert",
  tokenizerFiles: ["vocab.txt"],
  names: {
    prefix: "distilbert.",
    encoder: [
      ["embeddings.word", "embeddings.word_embeddings"],
      ["embeddings.position", "embeddings.position_embeddings"],
      ["embeddings.norm", "embeddings.LayerNorm"],
      [
        "layers.*.attention.qkv",
        "transformer.layer.*.attention.q_lin",
        "transformer.layer.*.attention.k_lin",
        "transformer.layer.*.attention.v_lin",
      ],
      ["layers.*.attention.output", "transformer.layer.*.attention.out_lin"],
      ["layers.*.attentionNorm", "transformer.layer.*.sa_layer_norm"],
      ["layers.*.ffn.up", "transformer.layer.*.ffn.lin1"],
      ["layers.*.ffn.down", "transformer.layer.*.ffn.lin2"],
      ["layers.*.ffnNorm", "transformer.layer.*.output_layer_norm"],
    ],
    heads: [
      ["mlm.transform", "vocab_transform"],
      ["mlm.norm", "vocab_layer_norm"],
      ["mlm", "vocab_projector"],
      ["preClassifier", "pre_classifier"],
      ["classifier", "classifier"],
      ["qaOutputs", "qa_outputs"],
    ],
    tied: { "vocab_projector.weight": "embeddings.word.weight" },
    ignored: /^embeddings\.position_ids$/, // A buffer that follows from the shape.
  },
  parse: (json, path) => {
    const read = checkedJson(configJson, json, path);
    return {
      ...FIXED,
      vocabSize: read.vocab_size,
      hiddenSize: read.dim,
      layers: read.n_layers,
      heads: read.n_heads,
      intermediateSize: read.hidden_dim,
      maxPositions: read.max_position_embeddings,
      dropout: read.dropout,
      attentionDropout: read.attention_dropout,
      classifierDropout: read.seq_classif_dropout,
      answerDropout: read.qa_dropout,
      activation: read.activation,
      initializerRange: read.initializer_range,
      padTokenId: read.pad_token_id ?? 0,
    };
  },
  format: (config) => ({
    vocab_size: config.vocabSize,
    dim: config.hiddenSize,
    n_layers: config.layers,
    n_heads: config.heads,
    hidden_dim: config.intermediateSize,
    max_position_embeddings: config.maxPositions,
    dropout: config.dropout,
    attention_dropout: config.attentionDropout,
    seq_classif_dropout: config.classifierDropout ?? config.dropout,
    qa_dropout: config.answerDropout,
    activation: config.activation,
    initializer_range: config.initializerRange,
    pad_token_id: config.padTokenId,
    sinusoidal_pos_embds: false,
    tie_weights_: true,
  }),
  student: distilBertStudent,
};

/** The published DistilBERT-base, uncased: BERT-base with half its layers. */
export const distilBertBase: EncoderConfig = distilBert.parse(
  {
    vocab_size: 30_522,
    dim: 768,
    n_layers: 6,
    n_heads: 12,
    hidden_dim: 3072,
    max_position_embeddings: 512,
  },
  "distilBertBase",
);
