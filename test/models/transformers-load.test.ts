import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noGrad } from "../../src/engine/tensor/autograd.js";
import { tensor } from "../../src/engine/tensor/create.js";
import { manualSeed } from "../../src/engine/tensor/random.js";
import { tidy } from "../../src/engine/tensor/scope.js";
import { bertBase } from "../../src/families/bert.js";
import type { EncoderConfig } from "../../src/families/config.js";
import { studentConfig, toHuggingFace } from "../../src/families/families.js";
import { writeModelFolder } from "../../src/hub/folder.js";
import { parameterEntries, saveMaskedLm } from "../../src/hub/model-loading.js";
import { Encoder, type EncoderInput } from "../../src/models/encoder.js";
import { MaskedLm } from "../../src/models/masked-lm.js";
import type { Tokenizer } from "../../src/text/tokenizer.js";
import { needs, PYTHON, python } from "../needs.js";
import { relativeError } from "./closeness.js";
import { additiveMask, encoderOf } from "./golden.js";
import { smallTokenizer } from "./small-tokenizer.js";

/** Made small; every value differs from its default, where it has one. */
const shape: EncoderConfig = {
  ...bertBase,
  vocabSize: 131,
  hiddenSize: 24,
  layers: 3,
  heads: 3,
  intermediateSize: 40,
  maxPositions: 20,
  activation: "gelu_new",
  layerNormEps: 1e-3,
  initializerRange: 0.3,
  padTokenId: 1,
};
const distilBertShape = studentConfig(shape, { layers: shape.layers });
const models: Record<string, () => Encoder | MaskedLm> = {
  BertModel: () => new Encoder(shape),
  BertForMaskedLM: () => new MaskedLm(shape),
  DistilBertModel: () => new Encoder(distilBertShape),
  DistilBertForMaskedLM: () => new MaskedLm(distilBertShape),
};

interface Loaded {
  wrong: Record<string, string[]>;
  parameters: number;
  inputIds: number[][];
  attentionMask: number[][];
  results: Record<string, number[]>;
}

describe(
  "Python transformers loads what is written here",
  needs(python("torch", "transformers", "safetensors")),
  () => {
    let folder: string;
    const path = (architecture: string): string => join(folder, architecture);
    const written = new Map<string, Encoder | MaskedLm>();
    let loaded: Record<string, Loaded>;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "limbeck-models-"));
      const tokenizer = await smallTokenizer(join(folder, "vocabulary"));
      for (const [architecture, make] of Object.entries(models)) {
        const model = randomised(make());
        await write(model, { architecture, path: path(architecture), tokenizer });
        written.set(architecture, model);
      }
      const script = fileURLToPath(new URL("transformers-load.py", import.meta.url));
      const printed = execFileSync(PYTHON, [script, ...[...written.keys()].map(path)], { encoding: "utf8" });
      loaded = JSON.parse(printed);
    });
    afterAll(() => {
      for (const model of written.values()) model.dispose();
      rmSync(folder, { recursive: true });
    });

    describe.each(Object.keys(models))("%s", (architecture) => {
      test("with no missing, unexpected or mismatched key", () => {
        const { wrong } = loaded[path(architecture)] as Loaded;
        expect(Object.keys(wrong)).toEqual(
          expect.arrayContaining(["missing_keys", "unexpected_keys", "mismatched_keys"]),
        );
        for (const [kind, keys] of Object.entries(wrong)) expect(keys, kind).toEqual([]);
      });

      test("with as many parameters", () => {
        expect(loaded[path(architecture)]?.parameters).toBe(written.get(architecture)?.parameterCount());
      });

      test("with the tied output layer stored once", () => {
        const weights = readFileSync(join(path(architecture), "model.safetensors"));
        expect(weights.byteLength - 8 - Number(weights.readBigUInt64LE())).toBe(
          4 * (written.get(architecture)?.parameterCount() ?? 0),
        );
      });

      test("and computes the same", () => {
        const { inputIds, attentionMask, results } = loaded[path(architecture)] as Loaded;
        const ours = compute(written.get(architecture) as Encoder | MaskedLm, inputIds, attentionMask.flat());
        expect(Object.keys(ours)).toEqual(Object.keys(results));
        for (const [name, values] of Object.entries(ours)) {
          expect(relativeError(values, Float32Array.from(results[name] as number[])), name).toBeLessThan(1e-5);
        }
      });
    });
  },
);

/** Initial values, then norms and biases moved off 1 and 0: a name that was mixed up would show. */
function randomised<M extends Encoder | MaskedLm>(model: M): M {
  manualSeed(4);
  model.materialise();
  for (const [name, { value }] of model.namedParameters()) {
    if (name.endsWith("bias") || /[nN]orm/.test(name)) tidy(() => void value.add_(value.clone().normal_(0, 0.3)));
  }
  return model;
}

async function write(
  model: Encoder | MaskedLm,
  { architecture, path, tokenizer }: { architecture: string; path: string; tokenizer: Tokenizer },
): Promise<void> {
  if (model instanceof MaskedLm) return saveMaskedLm(path, model, { tokenizer, card: "" });
  const config = toHuggingFace(model.config, architecture.replace(/^(Distil)?Bert/, ""));
  const saveTokenizer = (folder: string) => tokenizer.save(folder);
  await writeModelFolder({ path, config, tensors: parameterEntries(model), card: "", saveTokenizer });
}

/** Under Python's names. */
function compute(model: Encoder | MaskedLm, ids: number[][], real: number[]): Record<string, Float32Array> {
  const options = { training: false };
  const results = noGrad(() =>
    tidy(() => {
      const input: EncoderInput = { inputIds: tensor(ids, { dtype: "int64" }), mask: additiveMask(real, [2, 10]) };
      if (model instanceof MaskedLm) return { logits: model.forward(input, options).toFloat32Array() };
      const hidden = model.forward(input, options);
      const last = { last_hidden_state: hidden.toFloat32Array() };
      return model.config.pooler ? { ...last, pooler_output: encoderOf(model).pool(hidden).toFloat32Array() } : last;
    }),
  );
  return results as Record<string, Float32Array>;
}
