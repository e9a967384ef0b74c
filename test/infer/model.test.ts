import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { classify } from "../../src/infer/classify.js";
import { feedsOf, floats, type Runtime } from "../../src/infer/runtime.js";
import { CLASSES, DISTILBERT, type ModelShop, open, openModelShop } from "./exported-models.js";

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

test("a batch is fed as int64, the inputs that a graph has and no others", () => {
  const batch = {
    inputIds: Int32Array.of(2, 70_000, 3, 2, 3, 0),
    attentionMask: Uint8Array.of(1, 1, 1, 1, 1, 0),
    tokenTypeIds: Uint8Array.of(0, 0, 1, 0, 0, 0),
    ...{ B: 2, S: 3 },
  };
  const runtime = {
    Tensor: class {
      constructor(
        readonly type: string,
        readonly data: BigInt64Array,
        readonly dims: readonly number[],
      ) {}
    },
  } as unknown as Pick<Runtime, "Tensor">;
  const feeds = (inputNames: readonly string[], attentionMask: Uint8Array | null = batch.attentionMask) =>
    feedsOf({ ...batch, attentionMask }, { inputNames }, runtime);
  const values = (given: ReturnType<typeof feeds>) =>
    Object.entries(given).map(([name, { type, data, dims }]) => [
      name,
      type,
      [...dims],
      Array.from(data as never, Number),
    ]);
  expect(values(feeds(["token_type_ids", "input_ids"]))).toEqual([
    ["token_type_ids", "int64", [2, 3], [0, 0, 1, 0, 0, 0]],
    ["input_ids", "int64", [2, 3], [2, 70_000, 3, 2, 3, 0]],
  ]);
  expect(values(feeds(["attention_mask"]))).toEqual([["attention_mask", "int64", [2, 3], [1, 1, 1, 1, 1, 0]]]);
  expect(values(feeds(["attention_mask"], null))).toEqual([["attention_mask", "int64", [2, 3], [1, 1, 1, 1, 1, 1]]]);
  expect(() => feeds(["pixels"])).toThrow(/expected inputs input_ids, attention_mask, token_type_ids; got "pixels"/);
});
