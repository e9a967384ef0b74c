import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/errors.js";
import { bertBase } from "../../src/families/bert.js";
import { distilBertBase } from "../../src/families/distilbert.js";
import { fromHuggingFace, studentConfig, toHuggingFace } from "../../src/families/families.js";

/** The published bert-base-uncased. */
const bertJson = {
  architectures: ["BertForMaskedLM"],
  attention_probs_dropout_prob: 0.1,
  gradient_checkpointing: false,
  hidden_act: "gelu",
  hidden_dropout_prob: 0.1,
  hidden_size: 768,
  initializer_range: 0.02,
  intermediate_size: 3072,
  layer_norm_eps: 1e-12,
  max_position_embeddings: 512,
  model_type: "bert",
  num_attention_heads: 12,
  num_hidden_layers: 12,
  pad_token_id: 0,
  position_embedding_type: "absolute",
  transformers_version: "4.6.0.dev0",
  type_vocab_size: 2,
  use_cache: true,
  vocab_size: 30522,
};

/** The published distilbert-base-uncased. */
const distilBertJson = {
  activation: "gelu",
  architectures: ["DistilBertForMaskedLM"],
  attention_dropout: 0.1,
  dim: 768,
  dropout: 0.1,
  hidden_dim: 3072,
  initializer_range: 0.02,
  max_position_embeddings: 512,
  model_type: "distilbert",
  n_heads: 12,
  n_layers: 6,
  pad_token_id: 0,
  qa_dropout: 0.1,
  seq_classif_dropout: 0.2,
  sinusoidal_pos_embds: false,
  tie_weights_: true,
  transformers_version: "4.10.0.dev0",
  vocab_size: 30522,
};

/** What says nothing of the model: switches with one value here. */
const optional = /^(gradient_checkpointing|use_cache|transformers_version)$/;

describe("config.json", () => {
  test("of the published BERT-base is bertBase", () => {
    expect(fromHuggingFace(bertJson, "config.json")).toEqual(bertBase);
  });

  test("of the published DistilBERT-base is distilBertBase", () => {
    expect(fromHuggingFace(distilBertJson, "config.json")).toEqual(distilBertBase);
  });

  test.each([bertJson, distilBertJson])("has every field that the published $model_type has", (published) => {
    const config = fromHuggingFace(published, "config.json");
    const written = toHuggingFace(config, "ForMaskedLM");
    const wanted = Object.fromEntries(Object.entries(published).filter(([key]) => !optional.test(key)));
    expect(written).toMatchObject(wanted);
  });

  test.each([
    { ...bertBase, layers: 3, heads: 4, hiddenSize: 32, intermediateSize: 40, vocabSize: 97, maxPositions: 24 },
    { ...bertBase, tokenTypes: 3, activation: "gelu_new" as const, layerNormEps: 1e-5, padTokenId: 7 },
    { ...bertBase, dropout: 0, attentionDropout: 0.2, initializerRange: 0.05 },
    { ...distilBertBase, layers: 2, heads: 3, hiddenSize: 24, intermediateSize: 48, vocabSize: 61, maxPositions: 20 },
    { ...distilBertBase, dropout: 0, attentionDropout: 0.2, activation: "relu" as const, padTokenId: 1 },
    studentConfig({ ...bertBase, layerNormEps: 1e-5 }, { layers: 6 }),
    { ...bertBase, classifierDropout: 0.3 },
    { ...distilBertBase, classifierDropout: 0, answerDropout: 0.4 },
  ])("written and read again is the same: %o", (config) => {
    const json: unknown = JSON.parse(JSON.stringify(toHuggingFace(config, "any")));
    expect(fromHuggingFace(json, "config.json")).toEqual(config);
  });

  test("may leave out what has a default", () => {
    const { hidden_act, layer_norm_eps, type_vocab_size, pad_token_id, initializer_range, ...short } = bertJson;
    expect(fromHuggingFace(short, "config.json")).toEqual(bertBase);
  });

  test("may leave out what heads drop, which is then DistilBERT's own", () => {
    const { qa_dropout, seq_classif_dropout, ...short } = distilBertJson;
    expect(fromHuggingFace(short, "config.json")).toMatchObject({ classifierDropout: 0.2, answerDropout: 0.1 });
  });
});

describe("a config.json is refused, in one line that names the field, where", () => {
  const refused = (change: object, names: RegExp): void => {
    const read = () => fromHuggingFace({ ...bertJson, ...change }, "teacher/config.json");
    expect(read).toThrow(FormatError);
    expect(read).toThrow(names);
    expect(read).toThrow(/^teacher\/config\.json: [^\n]+$/);
  };

  test("the model is of another family", () => {
    refused(
      { model_type: "roberta" },
      /model_type: expected bert or distilbert, got "roberta"\. Give a model of one of these families\.$/,
    );
  });
  test("a field is wrong, without advice on families", () =>
    refused({ hidden_size: 0 }, /^(?!.*one of these families)/));
  test("there is no model type", () => refused({ model_type: undefined }, /model_type/));
  test("a size is missing", () => refused({ hidden_size: undefined }, /hidden_size.*expected number/));
  test("a size is no number", () => refused({ vocab_size: "30522" }, /vocab_size.*expected number.*string/));
  test("a size is not positive", () => refused({ num_hidden_layers: 0 }, /num_hidden_layers/));
  test("a size is not whole", () => refused({ intermediate_size: 0.5 }, /intermediate_size/));
  test("a dropout is above 1", () => refused({ hidden_dropout_prob: 1.5 }, /hidden_dropout_prob/));
  test("the activation is not one of ours", () => refused({ hidden_act: "silu" }, /hidden_act/));
  test("positions are relative", () => refused({ position_embedding_type: "relative_key" }, /position_embedding_type/));
  test("the model reads to the left only", () => refused({ is_decoder: true }, /is_decoder/));
  test("heads do not divide the hidden size", () => refused({ num_attention_heads: 7 }, /768.*7 attention heads/));
  test("it is no object", () => {
    expect(() => fromHuggingFace([1], "config.json")).toThrow(FormatError);
  });
});
