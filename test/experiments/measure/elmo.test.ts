import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { autocast, noGrad } from "../../../src/engine/tensor/autograd.js";
import { tensor } from "../../../src/engine/tensor/create.js";
import type { Tensor } from "../../../src/engine/tensor/tensor.js";
import {
  Elmo,
  type ElmoConfig,
  elmoCharacterIds,
  elmoOriginal,
  elmoWords,
} from "../../../src/experiments/measure/elmo.js";
import { runTestsInScope } from "../../engine/tensor/in-scope.js";
import { relativeError } from "../../models/closeness.js";

interface ElmoGolden {
  config: Omit<ElmoConfig, "clip">;
  weights: Record<string, { shape: number[]; data: number[] }>;
  cases: { clip: number; sentences: { words: string[]; ids: number[]; layers: number[][]; mixed: number[] }[] }[];
}

const file = new URL("../../goldens/elmo.json", import.meta.url);
const golden = JSON.parse(readFileSync(file, "utf8")) as ElmoGolden;

/** The golden's model with its weights. */
function goldenElmo(clip: number): Elmo {
  const model = new Elmo({ ...golden.config, clip });
  const names = [...model.namedParameters()].map(([name]) => name);
  expect(names.toSorted()).toEqual(Object.keys(golden.weights).toSorted());
  for (const [name, parameter] of model.namedParameters()) {
    const { shape, data } = golden.weights[name] ?? { shape: [], data: [] };
    expect(parameter.spec.shape).toEqual(shape);
    parameter.assign(tensor(Float32Array.from(data), { shape }));
  }
  return model;
}

function charactersOf(sentences: readonly (readonly number[])[]): Tensor {
  const C = golden.config.maxCharacters;
  const S = (sentences[0]?.length ?? 0) / C;
  return tensor(Int32Array.from(sentences.flat()), { shape: [sentences.length, S, C], dtype: "int64" });
}

describe("parameters are as many as published", () => {
  const elmo = new Elmo(elmoOriginal);

  test("in each part", () => {
    const { words, forwards, backwards, mix } = elmo;
    expect(words.embeddings.parameterCount()).toBe(262 * 16);
    expect(words.convolutions.map((each) => each.parameterCount())).toEqual(
      [32, 32, 64, 128, 256, 512, 1024].map((count, i) => count * (16 * (i + 1) + 1)),
    );
    expect(words.highways.map((each) => each.parameterCount())).toEqual([8_392_704, 8_392_704]); // 4,096 · (2,048 + 1)
    expect(words.projection.parameterCount()).toBe(2048 * 512 + 512);
    // Four gates of 4,096 that read 512 and 512, with one bias, and the projection of 4,096 to 512.
    const lstm = 4 * 4096 * (512 + 512 + 1) + 4096 * 512;
    expect([...forwards, ...backwards].map((each) => each.parameterCount())).toEqual([lstm, lstm, lstm, lstm]);
    expect(mix.parameterCount()).toBe(3 + 1);
  });

  test("in all: 93.6 M", () => {
    expect(elmo.parameterCount()).toBe(93_600_868);
  });
});

describe("equals PyTorch", () => {
  runTestsInScope();
  const models = new Map<number, Elmo>();
  beforeAll(() => {
    for (const { clip } of golden.cases) models.set(clip, goldenElmo(clip));
  });
  afterAll(() => {
    for (const model of models.values()) model.dispose();
  });
  const modelOf = (clip: number) => models.get(clip) as Elmo;

  describe.each(golden.cases.map(({ clip, sentences }) => [clip, sentences] as const))("clipped at %d", (clip, all) => {
    test.each(all)("in every layer and their mix: $words", ({ ids, layers, mixed }) => {
      const characters = charactersOf([ids]);
      const found = noGrad(() => modelOf(clip).layers(characters));
      expect(found).toHaveLength(layers.length);
      for (const [i, layer] of layers.entries()) {
        expect(relativeError((found[i] as Tensor).toFloat32Array(), Float32Array.from(layer))).toBeLessThan(1e-5);
      }
      const mix = noGrad(() => modelOf(clip).forward(characters));
      expect(mix.shape).toEqual([1, ids.length / golden.config.maxCharacters - 2, 2 * golden.config.projection]);
      expect(relativeError(mix.toFloat32Array(), Float32Array.from(mixed))).toBeLessThan(1e-5);
    });
  });

  test("also with other sentences beside it", () => {
    const [first, second] = golden.cases[0]?.sentences ?? [];
    const ids = first?.ids ?? [];
    const shorter = [...(second?.ids ?? []), ...(second?.ids ?? []).slice(0, golden.config.maxCharacters)];
    const both = noGrad(() => modelOf(3).forward(charactersOf([shorter, ids])));
    expect(relativeError(both.select(0, 1).toFloat32Array(), Float32Array.from(first?.mixed ?? []))).toBeLessThan(1e-5);
  });

  test("in bfloat16 within its rounding", () => {
    const { ids, mixed } = golden.cases[0]?.sentences[0] ?? { ids: [], mixed: [] };
    const found = noGrad(() => autocast("bfloat16", "cpu", () => modelOf(3).forward(charactersOf([ids]))));
    expect(relativeError(found.toFloat32Array(), Float32Array.from(mixed))).toBeLessThan(2 ** -5);
  });
});

describe("character ids", () => {
  const rows = (words: string[], size: number) => {
    const ids = elmoCharacterIds(words, size);
    return Array.from({ length: ids.length / size }, (_, i) => [...ids.subarray(i * size, (i + 1) * size)]);
  };

  test("are the published ones: bytes and marks, one higher", () => {
    expect(rows(["cat"], 6)).toEqual([
      [259, 257, 260, 261, 261, 261], // The start of the sentence.
      [259, 100, 98, 117, 260, 261], // c, a and t are bytes 99, 97 and 116.
      [259, 258, 260, 261, 261, 261], // The end.
    ]);
  });

  test("cut a long word, keeping its end mark", () => {
    expect(rows(["unbelievable"], 5)[1]).toEqual([259, 118, 111, 99, 260]);
  });

  test("are of UTF-8 bytes, not of letters", () => {
    expect(rows(["é"], 5)[1]).toEqual([259, 0xc3 + 1, 0xa9 + 1, 260, 261]);
  });

  test("are those of the golden", () => {
    for (const { words, ids } of golden.cases[0]?.sentences ?? []) {
      expect([...elmoCharacterIds(words, golden.config.maxCharacters)]).toEqual(ids);
    }
  });

  test("stay inside the published table", () => {
    const everything = String.fromCodePoint(0x7f, 0x10ffff, 0xe000) + "z".repeat(60);
    const ids = elmoCharacterIds([everything], elmoOriginal.maxCharacters);
    expect(Math.max(...ids)).toBeLessThan(elmoOriginal.characters);
    expect(Math.min(...ids)).toBeGreaterThan(0);
  });
});

test("words are letters and digits together, signs apart", () => {
  expect(elmoWords('"It\'s 5.50 €," she said — naïvely.')).toEqual([
    ...['"', "It's", "5", ".", "50", "€", ",", '"', "she", "said", "—", "naïvely", "."],
  ]);
  expect(elmoWords(" \n")).toEqual([]);
});
