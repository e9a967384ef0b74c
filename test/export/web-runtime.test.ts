import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as web from "onnxruntime-web";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ortRunner } from "../../src/export/runners.js";
import { ONNX_FILES } from "../../src/infer/model-files.js";
import { SmallModels } from "./small-models.js";

const models = new SmallModels();
afterAll(() => models[Symbol.dispose]());

const inputIds = Int32Array.of(2, 7, 9, 30, 3, 2, 11, 3, 0, 0);
const attentionMask = Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1, 0, 0);

beforeAll(() => {
  web.env.wasm.numThreads = 1; // More would be workers, which the process would wait for.
});

describe("onnxruntime-web's WebAssembly computes what onnxruntime-node does", () => {
  test.each([
    { family: "distilbert", task: "fill-mask" },
    { family: "distilbert", task: "classify", labelCount: 2 },
  ] as const)("for $task", async (kind) => {
    const { out } = await models.export(await models.make(kind));
    for (const { name, dtype } of ONNX_FILES) {
      const path = join(out, "onnx", name);
      const runner = await ortRunner(path);
      const batch = { inputIds, attentionMask, tokenTypeIds: new Uint8Array(10), B: 2, S: 5 };
      const expected = (await runner.run(batch)).get("logits") ?? new Float32Array(0);
      await runner.close();
      const actual = await runInWeb(path);
      expect(actual.length).toBe(expected.length);
      // Bytes are rounded alike but for ties; halves are computed as floats in both.
      const most = dtype === "int8" ? 0.05 : 1e-3;
      const difference = expected.reduce((sum, value, i) => Math.max(sum, Math.abs(value - (actual[i] ?? NaN))), 0);
      expect(difference, name).toBeLessThan(most);
    }
  });
});

async function runInWeb(path: string): Promise<Float32Array> {
  const session = await web.InferenceSession.create(readFileSync(path), { executionProviders: ["wasm"] });
  const whole = (values: Int32Array | Uint8Array) =>
    new web.Tensor("int64", BigInt64Array.from(values, BigInt), [2, 5]);
  const { logits } = await session.run({ input_ids: whole(inputIds), attention_mask: whole(attentionMask) });
  await session.release();
  return logits?.data as Float32Array;
}
