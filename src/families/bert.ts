import { Encoder } from "../models/encoder.js";
import { MaskedLm } from "../models/masked-lm.js";
import type { EncoderConfig } from "./config.js";

/** The published BERT-base, uncased (Devlin et al. 2019): 12 layers of 768, 12 heads, 30,522 word pieces. */
export const bertBase: EncoderConfig = {
  family: "bert",
  vocabSize: 30_522,
  hiddenSize: 768,
  layers: 12,
  heads: 12,
  intermediateSize: 3072,
  maxPositions: 512,
  tokenTypes: 2,
  pooler: true,
  dropout: 0.1,
  attentionDropout: 0.1,
  classifierDropout: null,
  answerDropout: 0,
  activation: "gelu",
  layerNormEps: 1e-12,
  initializerRange: 0.02,
  padTokenId: 0,
};

/** BertModel: the encoder with its pooler. */
export function bertModel(config: EncoderConfig): Encoder {
  return new Encoder({ ...config, family: "bert", pooler: true });
}

/** BertForMaskedLM: no pooler. */
export function bertForMaskedLm(config: EncoderConfig): MaskedLm {
  return new MaskedLm({ ...config, family: "bert", pooler: false });
}
