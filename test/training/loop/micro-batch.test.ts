import { expect, test } from "vitest";
import type { MaskedBatch } from "../../../src/data/masked-batches.js";
import { tensor } from "../../../src/engine/tensor/create.js";
import { rowsAt, toMicroBatch } from "../../../src/training/loop/micro-batch.js";
import { runTestsInScope } from "../../engine/tensor/in-scope.js";

runTestsInScope();

/** Two sequences of 4 and 2 tokens; positions 2 and 5 are predicted. */
const batch: MaskedBatch = {
  inputIds: Int32Array.of(2, 10, 4, 3, 2, 4, 0, 0),
  labels: Int32Array.of(-100, -100, 11, -100, -100, 12, -100, -100),
  attentionMask: Uint8Array.of(1, 1, 1, 1, 1, 1, 0, 0),
  firstPositions: null,
  noiseKeys: BigInt64Array.of(3n, -4n),
  B: 2,
  S: 4,
  tokenCount: 6,
  maskedCount: 2,
};

test("the real positions are listed, the masked ones first", () => {
  const { positions, labels, N, M } = toMicroBatch(batch, "cpu");
  expect([...positions.toInt32Array()]).toEqual([2, 5, 0, 1, 3, 4]);
  expect([...labels.toInt32Array()]).toEqual([11, 12]);
  expect([N, M]).toEqual([6, 2]);
  expect([positions.dtype, labels.dtype]).toEqual(["int64", "int64"]);
});

test("the mask is −∞ at padding, and absent where there is none", () => {
  const { input } = toMicroBatch(batch, "cpu");
  expect(input.inputIds.shape).toEqual([2, 4]);
  expect(input.mask?.shape).toEqual([2, 1, 1, 4]);
  expect([...(input.mask?.toFloat32Array() ?? [])]).toEqual([0, 0, 0, 0, 0, 0, -Infinity, -Infinity]);
  expect(toMicroBatch({ ...batch, attentionMask: null, tokenCount: 8 }, "cpu").input.mask).toBeNull();
});

test("where sequences start in the position table goes along, and is absent where all start at 0", () => {
  const { input } = toMicroBatch({ ...batch, firstPositions: Int32Array.of(0, 7) }, "cpu");
  expect([...(input.firstPositions?.toInt32Array() ?? [])]).toEqual([0, 7]);
  expect(input.firstPositions).toMatchObject({ dtype: "int64", shape: [2] });
  expect(toMicroBatch(batch, "cpu").input.firstPositions).toBeNull();
});

test("each sequence takes its noise along, all 64 bits of it", () => {
  const keys = toMicroBatch(batch, "cpu").input.noiseKeys;
  expect(new BigInt64Array(keys?.toBytes().buffer as ArrayBuffer)).toEqual(BigInt64Array.of(3n, -4n));
  expect(toMicroBatch({ ...batch, noiseKeys: null }, "cpu").input.noiseKeys).toBeNull();
});

test("without a masked position, labels are empty", () => {
  const unmasked = toMicroBatch({ ...batch, labels: new Int32Array(8).fill(-100), maskedCount: 0 }, "cpu");
  expect(unmasked.labels.shape).toEqual([0]);
  expect([...unmasked.positions.toInt32Array()]).toEqual([0, 1, 2, 3, 4, 5]);
});

test("rows are taken from hidden states in the order of the positions", () => {
  const hidden = tensor(
    Float32Array.from({ length: 16 }, (_, i) => i),
    { shape: [2, 4, 2] },
  );
  const rows = rowsAt(hidden, tensor([5, 0], { dtype: "int64" }));
  expect([...rows.toFloat32Array()]).toEqual([10, 11, 0, 1]);
});
