import * as z from "zod"; // A namespace: bundlers leave out what is not used.
import { activation, checkedJson, count, type EncoderConfig, share } from "./config.js";
import { distilBertStudent } from "./distilbert.js";
import type { Family } from "./family.js";

const configJson = z.looseObject({
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

/** BERT (Devlin et al. 2019). */
export const bert: Family = {
  modelType: "bert",
  title: "BERT",
  classPrefix: "Bert",
  tokenizerFiles: ["vocab.txt"],
  names: {
    prefix: "bert.",
    encoder: [
      ["embeddings.word", "embeddings.word_embeddings"],
      ["embeddings.position", "embeddings.position_embeddings"],
      ["embeddings.tokenType", "embeddings.token_type_embeddings"],
      ["embeddings.norm", "embeddings.LayerNorm"],
      [
        "layers.*.attention.qkv",
        "encoder.layer.*.attention.self.query",
        "encoder.layer.*.attention.self.key",
        "encoder.layer.*.attention.self.value",
      ],
      ["layers.*.attention.output", "encoder.layer.*.attention.output.dense"],
      ["layers.*.attentionNorm", "encoder.layer.*.attention.output.LayerNorm"],
      ["layers.*.ffn.up", "encoder.layer.*.intermediate.dense"],
      ["layers.*.ffn.down", "encoder.layer.*.output.dense"],
      ["layers.*.ffnNorm", "encoder.layer.*.output.LayerNorm"],
      ["pooler", "pooler.dense"],
    ],
    heads: [
      ["mlm.transform", "cls.predictions.transform.dense"],
      ["mlm.norm", "cls.predictions.transform.LayerNorm"],
      ["mlm", "cls.predictions"],
      ["classifier", "classifier"],
      ["qaOutputs", "qa_outputs"],
    ],
    tied: {
      "cls.predictions.decoder.weight": "embeddings.word.weight",
      "cls.predictions.decoder.bias": "mlm.bias",
    },
    // Buffers that follow from the shape, and next-sentence prediction, which nothing here uses.
    ignored: /^embeddings\.(position_ids|token_type_ids)$|^cls\.seq_relationship\.(weight|bias)$/,
  },
  parse: (json, path) => {
    const read = checkedJson(configJson, json, path);
    return {
      family: "bert",
      vocabSize: read.vocab_size,
      hiddenSize: read.hidden_size,
      layers: read.num_hidden_layers,
      heads: read.num_attention_heads,
      intermediateSize: read.intermediate_size,
      maxPositions: read.max_position_embeddings,
      positionOffset: 0,
      tokenTypes: read.type_vocab_size,
      pooler: true,
      dropout: read.hidden_dropout_prob,
      attentionDropout: read.attention_probs_dropout_prob,
      attentionOutputDropout: true,
      preClassifier: null,
      classifierDropout: read.classifier_dropout,
      answerDropout: 0,
      activation: read.hidden_act,
      layerNormEps: read.layer_norm_eps,
      initializerRange: read.initializer_range,
      padTokenId: read.pad_token_id ?? 0,
    };
  },
  format: (config) => ({
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    intermediate_size: config.intermediateSize,
    max_position_embeddings: config.maxPositions,
    type_vocab_size: config.tokenTypes,
    hidden_dropout_prob: config.dropout,
    attention_probs_dropout_prob: config.attentionDropout,
    classifier_dropout: config.classifierDropout,
    hidden_act: config.activation,
    layer_norm_eps: config.layerNormEps,
    initializer_range: config.initializerRange,
    pad_token_id: config.padTokenId,
    position_embedding_type: "absolute",
  }),
  student: distilBertStudent,
};

/** The published BERT-base, uncased: 12 layers of 768, 12 heads, 30,522 word pieces. */
export const bertBase: EncoderConfig = bert.parse(
  {
    vocab_size: 30_522,
    hidden_size: 768,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    intermediate_size: 3072,
    max_position_embeddings: 512,
  },
  "bertBase",
);
