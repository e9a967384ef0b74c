import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { batchRows, padded, type Sequence } from "../../src/infer/batches.js";
import { classify } from "../../src/infer/classify.js";
import { floats } from "../../src/infer/runtime.js";
import { CLASSES, DISTILBERT, type ModelShop, open, openModelShop } from "./exported-models.js";

const sequence = (length: number, secondAt = length): Sequence => ({ ids: new Uint32Array(length).fill(7), secondAt });

describe("batches", () => {
  test("hold every sequence once, the longest first, within the budget", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 })), fc.integer({ min: 1, max: 200 }), (lengths, budget) => {
        const batches = batchRows(
          lengths.map((length) => sequence(length)),
          budget,
        );
        const rows = batches.flat();
        expect(rows.toSorted((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
        const inOrder = rows.map((row) => lengths[row] ?? 0);
        expect(inOrder).toEqual(inOrder.toSorted((a, b) => b - a));
        for (const batch of batches) {
          const longest = Math.max(...batch.map((row) => lengths[row] ?? 0));
          expect(batch.length === 1 || batch.length * longest <= budget).toBe(true);
        }
      }),
    );
  });

  test("of none are none", () => {
    expect(batchRows([], 100)).toEqual([]);
  });

  test("are padded to the longest, with marks at real tokens and types from the second text on", () => {
    const first = { ids: Uint32Array.of(2, 70_000, 3, 8, 3), secondAt: 3 };
    const batch = padded([first, { ids: Uint32Array.of(2, 9, 3), secondAt: 3 }], [0, 1], 4);
    expect([batch.B, batch.S]).toEqual([2, 5]);
    expect(Array.from(batch.inputIds, Number)).toEqual([2, 70_000, 3, 8, 3, 2, 9, 3, 4, 4]);
    expect(Array.from(batch.attentionMask, Number)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
    expect(Array.from(batch.tokenTypeIds, Number)).toEqual([0, 0, 0, 1, 1, 0, 0, 0, 0, 0]);
  });
});

describe("results", () => {
  let shop: ModelShop;
  beforeAll(() => {
    shop = openModelShop();
  });
  afterAll(() => shop[Symbol.dispose]());

  const texts = Array.from({ length: 40 }, (_, i) => `${"the river and the stone ".repeat((i * 7) % 11)}${i} rises`);

  test("stand in the order of the texts, and do not depend on how batches are cut", async () => {
    const model = await open(await shop.task(DISTILBERT, CLASSES));
    const oneByOne = [];
    for (const text of texts) oneByOne.push(...(await classify(model, [text])));
    const progress: [number, number][] = [];
    for (const batchTokens of [1, 100, 100_000]) {
      const together = await classify(model, texts, { batchTokens, onProgress: (...state) => progress.push(state) });
      expect(together.map((each) => "label" in each && each.label)).toEqual(
        oneByOne.map((each) => "label" in each && each.label),
      );
      for (const [i, each] of together.entries()) {
        const expected = oneByOne[i];
        if (!("label" in each && expected && "label" in expected)) throw new Error("expected labels");
        expect(each.probability).toBeCloseTo(expected.probability, 5);
      }
      expect(progress.at(-1)).toEqual([40, 40]);
    }
    expect(progress[0]).toEqual([1, 40]);
    await model.close();
  });

  test("of calls at once are those of calls one after the other", async () => {
    const model = await open(await shop.task(DISTILBERT, CLASSES));
    const expected = await classify(model, texts);
    const all = await Promise.all(Array.from({ length: 5 }, () => classify(model, texts)));
    for (const each of all) expect(each).toEqual(expected);
    await model.close();
  });

  test("are none once the signal aborts, and the model goes on", async () => {
    const model = await open(await shop.task(DISTILBERT, CLASSES));
    const stop = new AbortController();
    const running = classify(model, texts, { batchTokens: 1, signal: stop.signal, onProgress: () => stop.abort() });
    await expect(running).rejects.toThrow(/abort/i);
    expect(await classify(model, ["The river rises."])).toHaveLength(1);
    await model.close();
  });
});

test("halves that come as bits are read as numbers", () => {
  const bits = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0xfc00, 0x0000);
  const tensor = { data: bits, type: "float16" } as unknown as Parameters<typeof floats>[0];
  expect([...floats(tensor)]).toEqual([1, -2, 2 ** -24, 65_504, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]);
});
