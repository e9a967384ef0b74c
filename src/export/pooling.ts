import type { EncoderConfig } from "../families/config.js";

/**
 * What tells sentence-transformers that an embedding is the mean of a text's last hidden states.
 *
 * Source: https://www.sbert.net/docs/package_reference/sentence_transformer/models.html
 */
export function poolingFiles(config: EncoderConfig): readonly (readonly [path: string, content: object])[] {
  const library = "sentence_transformers.models";
  return [
    [
      "modules.json",
      [
        { idx: 0, name: "0", path: "", type: `${library}.Transformer` },
        { idx: 1, name: "1", path: "1_Pooling", type: `${library}.Pooling` },
      ],
    ],
    ["sentence_bert_config.json", { max_seq_length: config.maxPositions, do_lower_case: false }],
    [
      "1_Pooling/config.json",
      {
        word_embedding_dimension: config.hiddenSize,
        pooling_mode_cls_token: false,
        pooling_mode_mean_tokens: true,
        pooling_mode_max_tokens: false,
        pooling_mode_mean_sqrt_len_tokens: false,
      },
    ],
  ];
}
