import { Encoder } from "../models/encoder.js";
import { MaskedLm } from "../models/masked-lm.js";
import { bertBase } from "./bert.js";
import { distilBertHeadDropouts, distilBertLayerNormEps, type EncoderConfig } from "./config.js";

/** DistilBERT's shape beside a teacher's: other depth, no token types, no pooler (Sanh et al. 2019, section 3). */
export function studentConfig(teacher: EncoderConfig, options: { layers: number }): EncoderConfig {
  return {
    ...teacher,
    family: "distilbert",
    layers: options.layers,
    tokenTypes: 0,
    pooler: false,
    layerNormEps: distilBertLayerNormEps,
    ...distilBertHeadDropouts,
  };
}

/** The published DistilBERT-base: BERT-base with half its layers. */
export const distilBertBase: EncoderConfig = studentConfig(bertBase, { layers: 6 });

/** DistilBertModel: the bare encoder. */
export function distilBertModel(config: EncoderConfig): Encoder {
  return new Encoder({ ...config, family: "distilbert", tokenTypes: 0, pooler: false });
}

/** DistilBertForMaskedLM. */
export function distilBertForMaskedLm(config: EncoderConfig): MaskedLm {
  return new MaskedLm({ ...config, family: "distilbert", tokenTypes: 0, pooler: false });
}
