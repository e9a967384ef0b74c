import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ortRunner } from "../../src/export/runners.js";
import { openSource } from "../../src/export/source.js";
import { trimSource } from "../../src/export/trim.js";
import { loadMaskedLm } from "../../src/hub/model-loading.js";
import { loadTokenizer } from "../../src/text/tokenizer.js";
import { bertSpec, withSpecialTokens } from "../../src/text/tokenizer-spec.js";
import { trimVocabulary } from "../../src/text/trim-vocabulary.js";
import { SmallModels } from "./small-models.js";

const models = new SmallModels();
afterAll(() => models[Symbol.dispose]());

const SPECIAL = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const settings = { cleanText: true, chineseChars: true, stripAccents: true, lowercase: true };

describe("a trimmed vocabulary", () => {
  const spec = bertSpec([...SPECIAL, "a", "##a", "play", "##ing", "##er", "#", "##"], settings);

  test("keeps what is used, single characters and special tokens, in their order", () => {
    const { spec: trimmed, oldIds } = trimVocabulary(spec, new Set([8, 9]));
    expect(trimmed.vocab).toEqual(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##a", "play", "##ing", "#"]);
    expect([...oldIds]).toEqual([0, 2, 3, 4, 5, 6, 7, 8, 9, 11]);
    expect(trimmed.added.map(({ content, id }) => trimmed.vocab[id] === content)).not.toContain(false);
  });

  test("moves added tokens beyond the pieces", () => {
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: false };
    const added = withSpecialTokens([{ id: spec.vocab.length, content: "limbeck", ...flags }], spec.vocab);
    const { spec: trimmed } = trimVocabulary({ ...spec, added }, new Set());
    expect(trimmed.added.find(({ content }) => content === "limbeck")?.id).toBe(trimmed.vocab.length);
  });
});

describe("a trimmed model", async () => {
  // The small tokenizer has letters only: words of its own are added, which a corpus may use or not.
  const path = await models.make({ family: "bert", task: "fill-mask" }, { vocabSize: 70 });
  const vocab = readFileSync(join(path, "vocab.txt"), "utf8").trimEnd().split("\n");
  const words = ["stone", "river", "##side", "cloud", "##ing"];
  const { Tokenizer } = await import("../../src/text/tokenizer.js");
  await new Tokenizer(bertSpec([...vocab, ...words], settings)).save(path);
  const corpus = join(models.folder, "corpus.txt");
  writeFileSync(corpus, "a stone\n\nriverside and stone\n");
  const { out, vocabulary, comparedOn } = await models.export(path, { trimVocab: [corpus], text: [corpus] });

  test("has fewer rows, and the same tokens for its corpus", async () => {
    expect(vocabulary).toEqual({ before: 70, after: 57 + 3 }); // stone, river, ##side.
    const [before, after] = [await loadTokenizer(path), await loadTokenizer(out)];
    const pieces = async (tokenizer: typeof before, text: string) =>
      [...((await tokenizer.encodeIds([text]))[0] ?? [])].map((id) => tokenizer.idToToken(id));
    expect(await pieces(after, "riverside stone")).toEqual(["river", "##side", "stone"]);
    expect(await pieces(after, "riverside stone")).toEqual(await pieces(before, "riverside stone"));
    expect(await pieces(after, "clouding")).toEqual(["c", "##l", "##o", "##u", "##d", "##i", "##n", "##g"]);
    expect(comparedOn).toMatchObject({ unknown: 0, unknownBefore: 0 });
    expect(readFileSync(join(out, "vocab.txt"), "utf8").trimEnd().split("\n")).toHaveLength(60);
    expect(JSON.parse(readFileSync(join(out, "config.json"), "utf8"))).toMatchObject({ vocab_size: 60 });
  });

  test("computes the logits of the pieces that it kept", async () => {
    using source = await openSource(path, null);
    const trimmed = await trimSource(source, [corpus]);
    const ids = async (tokenizer: typeof source.tokenizer) =>
      Int32Array.from((await tokenizer.encodeIds(["riverside stone"], { addSpecialTokens: true }))[0] ?? []);
    const run = async (file: string, inputIds: Int32Array) => {
      const runner = await ortRunner(file);
      const S = inputIds.length;
      const outputs = await runner.run({ inputIds, tokenTypeIds: new Uint8Array(S), attentionMask: null, B: 1, S });
      await runner.close();
      return outputs.get("logits") ?? new Float32Array(0);
    };
    const whole = await models.export(path, { dtypes: ["fp32"] });
    const before = await run(join(whole.out, "onnx/model.onnx"), await ids(source.tokenizer));
    const after = await run(join(out, "onnx/model.onnx"), await ids(trimmed.tokenizer));
    for (const [id, token] of readFileSync(join(out, "vocab.txt"), "utf8").trimEnd().split("\n").entries()) {
      const old = source.tokenizer.tokenToId(token) ?? -1;
      for (let s = 0; s < 5; s++) expect(after[s * 60 + id]).toBeCloseTo(before[s * 70 + old] ?? Number.NaN, 4);
    }
  });

  test("has the pieces of every document of a large corpus", async () => {
    const documents = new Array(600).fill("a").with(255, "stone").with(256, "river").with(599, "cloud");
    const large = join(models.folder, "large.txt");
    writeFileSync(large, documents.join("\n\n"));
    using source = await openSource(path, null);
    const { tokenizer } = await trimSource(source, [large]);
    expect(tokenizer.vocabSize).toBe(57 + 3);
    for (const word of ["stone", "river", "cloud"]) expect(tokenizer.tokenToId(word), word).not.toBeNull();
  });

  test("is a model folder like any other", async () => {
    const { model, tokenizer } = await loadMaskedLm(out, { device: "cpu", productDType: "float32" });
    expect([model.config.vocabSize, tokenizer.vocabSize]).toEqual([60, 60]);
    model.dispose();
  });
});
