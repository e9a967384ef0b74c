import { expect, test } from "vitest";
import { bert } from "../../src/families/bert.js";
import { distilBert } from "../../src/families/distilbert.js";
import { fromFileName, toFileNames } from "../../src/families/family.js";
import { fileEntries } from "../../src/hub/model-weights.js";
import { exampleParameters, f32, parameterShapes } from "../hub/example-model.js";

const FAMILIES = { bert, distilbert: distilBert };

test.each([bert, distilBert])("every parameter of a $title has names of its own, and they lead back", (family) => {
  const names = [...parameterShapes(family.modelType, { mlm: true, pooler: family === bert }).keys()];
  for (const bare of [true, false]) {
    const theirs = names.flatMap((name) => toFileNames(family, name, { bare }));
    expect(new Set(theirs).size).toBe(theirs.length);
    const back = theirs.map((name) => fromFileName(family, name));
    expect(new Set(back.map((read) => (read.kind === "parameter" ? read.ours : read.kind)))).toEqual(new Set(names));
  }
});

test.each([
  ["bert", "bert.encoder.layer.11.attention.self.key.weight", "layers.11.attention.qkv.weight"],
  ["bert", "encoder.layer.0.attention.output.LayerNorm.gamma", "layers.0.attentionNorm.weight"],
  ["bert", "bert.embeddings.LayerNorm.beta", "embeddings.norm.bias"],
  ["bert", "cls.predictions.bias", "mlm.bias"],
  ["distilbert", "distilbert.transformer.layer.5.ffn.lin2.bias", "layers.5.ffn.down.bias"],
  ["distilbert", "vocab_projector.bias", "mlm.bias"],
] as const)("reads %s's %s as %s", (family, theirs, ours) => {
  expect(fromFileName(FAMILIES[family], theirs)).toMatchObject({ kind: "parameter", ours });
});

test("query, key and value are the first, second and third rows of one parameter", () => {
  const parts = ["query", "key", "value"].map((which) =>
    fromFileName(bert, `encoder.layer.3.attention.self.${which}.bias`),
  );
  expect(parts).toEqual(
    [0, 1, 2].map((part) => ({ kind: "parameter", ours: "layers.3.attention.qkv.bias", part, parts: 3 })),
  );
});

test.each([
  ["bert", "cls.predictions.decoder.weight", { kind: "tied", ours: "embeddings.word.weight" }],
  ["bert", "cls.predictions.decoder.bias", { kind: "tied", ours: "mlm.bias" }],
  ["distilbert", "vocab_projector.weight", { kind: "tied", ours: "embeddings.word.weight" }],
  ["bert", "bert.embeddings.position_ids", { kind: "ignored" }],
  ["bert", "cls.seq_relationship.weight", { kind: "ignored" }],
  ["bert", "distilbert.embeddings.word_embeddings.weight", { kind: "unknown" }],
  ["bert", "encoder.layer.01.output.dense.bias", { kind: "unknown" }],
  ["bert", "encoder.layer.1.output.dense.running_mean", { kind: "unknown" }],
  ["bert", "weight", { kind: "unknown" }],
  ["bert", "constructor", { kind: "unknown" }],
] as const)("in a %s, %s is %o", (family, name, expected) => {
  expect(fromFileName(FAMILIES[family], name)).toEqual(expected);
});

test("refuses a name the family does not have", () => {
  expect(() => toFileNames(distilBert, "pooler.weight", { bare: true })).toThrow(
    'parameter "pooler.weight" has no name in files of DistilBERT',
  );
});

test("an encoder without a head has no prefix; a head never has one", () => {
  expect(toFileNames(bert, "pooler.bias", { bare: true })).toEqual(["pooler.dense.bias"]);
  expect(toFileNames(bert, "pooler.bias", { bare: false })).toEqual(["bert.pooler.dense.bias"]);
  expect(toFileNames(bert, "mlm.bias", { bare: false })).toEqual(["cls.predictions.bias"]);
});

test("splits query, key and value by rows", () => {
  const qkv = f32([6, 1], [1, 2, 3, 4, 5, 6]);
  const entries = fileEntries([["layers.0.attention.qkv.weight", qkv]], { family: distilBert, bare: true });
  const split = [...entries].map(([name, { shape, bytes }]) => {
    const own = typeof bytes === "function" ? bytes() : bytes;
    return [name, shape, [...new Float32Array(own.slice().buffer)]];
  });
  expect(split).toEqual([
    ["transformer.layer.0.attention.q_lin.weight", [2, 1], [1, 2]],
    ["transformer.layer.0.attention.k_lin.weight", [2, 1], [3, 4]],
    ["transformer.layer.0.attention.v_lin.weight", [2, 1], [5, 6]],
  ]);
});

test("splitting leaves the number of elements as it was", () => {
  const ours = exampleParameters("bert", { mlm: true });
  const count = (tensors: Iterable<readonly [string, { shape: readonly number[] }]>): number =>
    [...tensors].reduce((sum, [, { shape }]) => sum + shape.reduce((product, size) => product * size, 1), 0);
  expect(count(fileEntries(ours, { family: bert, bare: false }))).toBe(count(ours));
});
