import { expect, test } from "vitest";
import { differenceOf } from "../../src/export/difference.js";
import type { Runner } from "../../src/export/runners.js";
import type { Sample } from "../../src/export/sample.js";

const batch = { B: 2, S: 1, inputIds: new Int32Array(2), tokenTypeIds: new Uint8Array(2), attentionMask: null };
const sample: Sample = { batches: [{ ...batch, masked: [] }], tokenCount: 2, unknownShare: 0, source: "two texts" };
const expected = [new Map([["logits", Float32Array.of(2, 0, 1, 3)]])];

function saying(...logits: number[]): Runner {
  return {
    run: () => Promise.resolve(new Map([["logits", Float32Array.from(logits)]])),
    close: () => Promise.resolve(),
  };
}

const differenceTo = (runner: Runner) => differenceOf(runner, sample, { expected, kind: "classification" });

test("the largest difference is of any logit, and agreement of the labels", async () => {
  expect(await differenceTo(saying(2, 0.5, 3, 1))).toMatchObject({ largest: 2, agreement: 0.5 });
});

test.each([
  ["first", [Number.NaN, 0, 1, 3]],
  ["before a number", [2, Number.NaN, 1, 3]],
  ["last", [2, 0, 1, Number.NaN]],
])("a NaN that stands %s is an infinite difference", async (_, logits) => {
  expect((await differenceTo(saying(...logits))).largest).toBe(Number.POSITIVE_INFINITY);
});
