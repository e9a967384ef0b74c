import { afterAll, beforeAll, expect, test } from "vitest";
import { fillMask } from "../../src/infer/fill-mask.js";
import type { ModelDType } from "../../src/infer/model-files.js";
import { type ModelShop, open, openModelShop, TEACHER } from "./exported-models.js";

let shop: ModelShop;
let folder: string;
beforeAll(async () => {
  shop = openModelShop();
  folder = await shop.exported(TEACHER, "fill-mask", ["fp32", "fp16", "int8"]);
});
afterAll(() => shop[Symbol.dispose]());

const TEXT = "The [MASK] was built in the nineteenth century.";

/** The likeliest piece, its probability, and the file that said so. */
async function said(dtype: ModelDType, fused: boolean) {
  const model = await open(folder, { dtype, fused });
  const [[mask] = []] = await fillMask(model, [TEXT]);
  await model.close();
  const { token, probability } = mask?.candidates[0] ?? { token: "", probability: Number.NaN };
  return { token, probability, file: model.file };
}

test("every file says what the fp32 file says, int8 less exactly", async () => {
  const exact = await said("fp32", false);
  expect(exact).toMatchObject({ token: "station", file: "onnx/model.onnx" });
  const half = await said("fp16", false);
  expect(half).toEqual({
    token: "station",
    probability: expect.closeTo(exact.probability, 2),
    file: "onnx/model_fp16.onnx",
  });
  const int8 = await said("int8", false);
  expect(int8).toEqual({
    token: "station",
    probability: expect.closeTo(exact.probability, 1),
    file: "onnx/model_quantized.onnx",
  });
});

test("the file that is fused for ONNX Runtime is taken unless it is not wanted", async () => {
  const fused = await said("int8", true);
  expect(fused).toMatchObject({ token: "station", file: "onnx/model_ort_quantized.onnx" });
});
