import { afterAll, describe, expect, test } from "vitest";
import { noGrad } from "../../src/engine/tensor/autograd.js";
import { tensor, zeros } from "../../src/engine/tensor/create.js";
import { manualSeed } from "../../src/engine/tensor/random.js";
import { keep, liveTensors } from "../../src/engine/tensor/scope.js";
import type { Tensor } from "../../src/engine/tensor/tensor.js";
import { ConfigError, ShapeError } from "../../src/errors.js";
import { bertBase } from "../../src/families/bert.js";
import type { EncoderConfig } from "../../src/families/config.js";
import { studentConfig } from "../../src/families/families.js";
import { Encoder } from "../../src/models/encoder.js";
import { MaskedLm } from "../../src/models/masked-lm.js";
import { noiseOf } from "../engine/tensor/dropout-reference.js";
import { runTestsInScope } from "../engine/tensor/in-scope.js";
import { relativeError } from "./closeness.js";
import { additiveMask, encoderOf } from "./golden.js";

const shape: EncoderConfig = {
  ...bertBase,
  vocabSize: 50,
  hiddenSize: 16,
  layers: 2,
  heads: 2,
  intermediateSize: 32,
  maxPositions: 12,
  initializerRange: 0.3, // So that positions matter to each other.
};

/** f32 has 24 bits: sums in another order differ by a few units in the last place. */
const ROUNDING = 2e-6;

manualSeed(1);
const distilBertShape = studentConfig(shape, { layers: shape.layers });
const models = [new MaskedLm(shape).materialise(), new MaskedLm(distilBertShape).materialise()];
afterAll(() => {
  for (const model of models) model.dispose();
});

runTestsInScope();

/** Logits of sequences padded with `pad` to length S, each cut to its own length: [length, V]. */
function logitsOf(model: MaskedLm, sequences: number[][], S: number, pad = 0): Float32Array[] {
  const padded = sequences.map((ids) => [...ids, ...Array(S - ids.length).fill(pad)]);
  const real = sequences.flatMap((ids) => Array.from({ length: S }, (_, i) => (i < ids.length ? 1 : 0)));
  const mask = real.includes(0) ? additiveMask(real, [sequences.length, S]) : null;
  const logits = model.forward({ inputIds: ids64(padded), mask }, { training: false });
  return sequences.map((ids, row) => logits.select(0, row).narrow(0, 0, ids.length).toFloat32Array());
}

function ids64(rows: number[][]): Tensor {
  return tensor(rows, { dtype: "int64" });
}

const training = { training: true };
const long = [2, 11, 12, 13, 14, 15, 16, 3];
const short = [2, 21, 22, 3];

describe.each(models.map((model) => [model.config.family, model] as const))("%s", (_, model) => {
  test("gives real positions the same however far they are padded", () => {
    const [alone] = logitsOf(model, [short], short.length);
    for (const S of [5, 8, 12]) {
      const [padded] = logitsOf(model, [short], S);
      expect(relativeError(padded as Float32Array, alone as Float32Array)).toBeLessThan(ROUNDING);
    }
  });

  test("gives a short sequence the same beside a long one as alone", () => {
    const [alone] = logitsOf(model, [short], short.length);
    const [, beside] = logitsOf(model, [long, short], long.length);
    expect(relativeError(beside as Float32Array, alone as Float32Array)).toBeLessThan(ROUNDING);
  });

  test("does not look at what stands at padding", () => {
    const [zero] = logitsOf(model, [short], 12, 0);
    const [other] = logitsOf(model, [short], 12, 37);
    expect(other).toEqual(zero);
  });

  test("takes a mask without padding as no mask", () => {
    const input = { inputIds: ids64([long]), mask: null };
    const masked = model.forward({ ...input, mask: zeros([1, 1, 1, long.length]) }, { training: false });
    const plain = model.forward(input, { training: false });
    expect(relativeError(masked.toFloat32Array(), plain.toFloat32Array())).toBeLessThan(ROUNDING);
  });

  test("treats the sequences of a batch apart: their order changes nothing", () => {
    const [a, b] = logitsOf(model, [long, short], 8);
    const [b2, a2] = logitsOf(model, [short, long], 8);
    expect(relativeError(a2 as Float32Array, a as Float32Array)).toBeLessThan(ROUNDING);
    expect(relativeError(b2 as Float32Array, b as Float32Array)).toBeLessThan(ROUNDING);
  });

  test("tells positions apart", () => {
    const [forwards] = logitsOf(model, [[2, 11, 12, 3]], 4);
    const [swapped] = logitsOf(model, [[2, 12, 11, 3]], 4);
    expect(relativeError(swapped as Float32Array, forwards as Float32Array)).toBeGreaterThan(0.01);
  });

  test("reads each sequence from where it starts in the position table", () => {
    const table = model.encoder.embeddings.position.weight.value;
    const logits = (starts: number[] | null) => {
      const firstPositions = starts && tensor(starts, { dtype: "int64" });
      const input = { inputIds: ids64([short, short]), mask: null, firstPositions };
      return model.forward(input, { training: false }).toFloat32Array();
    };
    const [whole, atZero, shifted] = [logits(null), logits([0, 0]), logits([0, 5])];
    expect(atZero).toEqual(whole);
    const original = keep(table.add(0));
    noGrad(() => table.narrow(0, 0, 4).copy_(original.narrow(0, 5, 4))); // The table itself, moved.
    const moved = logits(null);
    noGrad(() => table.copy_(original));
    original.dispose();
    const half = whole.length / 2;
    expect(shifted.subarray(0, half)).toEqual(whole.subarray(0, half));
    expect(relativeError(shifted.subarray(half), moved.subarray(half))).toBeLessThan(ROUNDING);
    expect(relativeError(moved, whole)).toBeGreaterThan(0.01);
  });

  test("refuses sequences above the position table", () => {
    const input = { inputIds: zeros([1, 13], { dtype: "int64" }), mask: null };
    expect(() => model.forward(input, { training: false })).toThrow(ShapeError);
    expect(() => model.forward(input, { training: false })).toThrow("13 tokens do not fit a position table of 12");
  });

  test("gives the same twice when not training, and from the same noise when training", () => {
    const run = (training: boolean, seed = 1) => {
      const noiseKeys = noiseOf(0.1, { seed, B: 1 }).keys;
      return model.forward({ inputIds: ids64([long]), mask: null, noiseKeys }, { training }).toFloat32Array();
    };
    expect(run(false)).toEqual(run(false));
    expect(run(true)).toEqual(run(true));
    expect(run(true)).not.toEqual(run(false));
    expect(run(true)).not.toEqual(run(true, 2));
  });

  test("drops the same of a sequence alone and padded beside a longer one", () => {
    const noiseKeys = noiseOf(0.1, { seed: 1, B: 2 }).keys;
    const short = long.slice(0, 5);
    const alone = model.forward(
      { inputIds: ids64([short]), mask: null, noiseKeys: noiseKeys.narrow(0, 1, 1) },
      training,
    );
    const mask = additiveMask([...Array(8).fill(1), 1, 1, 1, 1, 1, 0, 0, 0], [2, 8]);
    const both = model.forward({ inputIds: ids64([long, [...short, 0, 0, 0]]), mask, noiseKeys }, training);
    const padded = both.select(0, 1).narrow(0, 0, 5).toFloat32Array();
    expect(relativeError(padded, alone.toFloat32Array())).toBeLessThan(ROUNDING);
  });

  test("refuses to train without noise", () => {
    expect(() => model.forward({ inputIds: ids64([long]), mask: null }, training)).toThrow(/training needs noiseKeys/);
  });

  test("ends its hidden states with what forward returns", () => {
    const input = { inputIds: ids64([long]), mask: null };
    const all = encoderOf(model).hiddenStates(input, { training: false });
    const last = encoderOf(model).forward(input, { training: false });
    expect((all.at(-1) as Tensor).toFloat32Array()).toEqual(last.toFloat32Array());
  });

  test("leaves one tensor behind: what it returns", () => {
    const input = { inputIds: ids64([long]), mask: null };
    const live = liveTensors();
    noGrad(() => encoderOf(model).forward(input, { training: false }));
    expect(liveTensors()).toBe(live + 1);
  });

  test("reads and decodes as forward does, in two steps", () => {
    const input = { inputIds: ids64([long]), mask: null };
    const hidden = model.encoder.forward(input, { training: false });
    const logits = model.decode(model.transform(hidden));
    expect(logits.toFloat32Array()).toEqual(model.forward(input, { training: false }).toFloat32Array());
  });
});

describe("token types", () => {
  const [bert, distilBert] = models as [MaskedLm, MaskedLm];

  test("left out are all zero", () => {
    const input = { inputIds: ids64([long]), mask: null };
    const given = bert.forward({ ...input, tokenTypeIds: zeros([1, 8], { dtype: "int64" }) }, { training: false });
    const left = bert.forward(input, { training: false });
    expect(left.toFloat32Array()).toEqual(given.toFloat32Array());
  });

  test("change what BERT says", () => {
    const input = { inputIds: ids64([long]), mask: null };
    const pair = bert.forward({ ...input, tokenTypeIds: ids64([[0, 0, 0, 0, 1, 1, 1, 1]]) }, { training: false });
    const single = bert.forward(input, { training: false });
    expect(relativeError(pair.toFloat32Array(), single.toFloat32Array())).toBeGreaterThan(0.01);
  });

  test("are refused by DistilBERT, which has none", () => {
    const input = { inputIds: ids64([long]), mask: null, tokenTypeIds: zeros([1, 8], { dtype: "int64" }) };
    expect(() => distilBert.forward(input, { training: false })).toThrow(ShapeError);
  });
});

describe("a model", () => {
  test("that was not materialised says so", () => {
    const input = { inputIds: ids64([long]), mask: null };
    expect(() => new Encoder(distilBertShape).forward(input, { training: false })).toThrow(ConfigError);
  });

  test("frees every parameter when it is disposed", () => {
    const live = liveTensors();
    const model = new Encoder(shape).materialise();
    expect(liveTensors()).toBe(live + [...model.namedParameters()].length);
    model.dispose();
    expect(liveTensors()).toBe(live);
  });

  test("whose heads do not divide its hidden size is refused", () => {
    expect(() => new Encoder({ ...shape, heads: 3 })).toThrow(ConfigError);
    expect(() => new Encoder({ ...shape, heads: 3 })).toThrow("hidden size 16 is not a multiple of 3 attention heads");
  });

  test("without a pooler refuses to pool", () => {
    expect(() => new Encoder({ ...shape, pooler: false }).pool(zeros([1, 2, 16]))).toThrow(ShapeError);
  });

  test("starts from the same weights with the same seed", () => {
    const weights = () => {
      manualSeed(3);
      using model = new Encoder(distilBertShape).materialise();
      return [...model.namedParameters()].map(([, { value }]) => value.toFloat32Array());
    };
    expect(weights()).toEqual(weights());
  });

  test("starts with weights of the config's standard deviation, biases at 0 and norms at 1", () => {
    using model = new MaskedLm({ ...shape, hiddenSize: 64, vocabSize: 2000 }).materialise();
    for (const [name, { value }] of model.namedParameters()) {
      const values = value.toFloat32Array();
      const rms = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
      if (name.endsWith("bias")) expect(rms, name).toBe(0);
      else if (/[nN]orm\.weight$/.test(name)) expect(new Set(values), name).toEqual(new Set([1]));
      else expect(Math.abs(rms / shape.initializerRange - 1), name).toBeLessThan(4 / Math.sqrt(values.length));
    }
  });
});
