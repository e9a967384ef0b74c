import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { liveTensors } from "../../src/engine/tensor/scope.js";
import { engineRunner, ortRunner, type RunnerBatch } from "../../src/export/runners.js";
import { openSource } from "../../src/export/source.js";
import { readModelFolder } from "../../src/hub/folder.js";
import { KINDS, nameOf, SmallModels } from "./small-models.js";

const models = new SmallModels();
afterAll(() => models[Symbol.dispose]());

type Outputs = ReadonlyMap<string, Float32Array>;

/** Three sequences of 40, 17 and 3 tokens, which is as long as positions go, and as short as texts are. */
const padded: RunnerBatch = batchOf([40, 17, 3]);
const one: RunnerBatch = batchOf([7]);

function batchOf(lengths: readonly number[]): RunnerBatch {
  const [B, S] = [lengths.length, Math.max(...lengths)];
  const attentionMask = new Uint8Array(B * S);
  for (const [row, length] of lengths.entries()) attentionMask.fill(1, row * S, row * S + length);
  const inputIds = Int32Array.from(attentionMask, (isReal, i) => (isReal === 1 ? 2 + ((i * 31) % 55) : 0));
  const tokenTypeIds = Uint8Array.from(attentionMask, (isReal, i) => (isReal === 1 && i % S > 5 ? 1 : 0));
  return { inputIds, tokenTypeIds, attentionMask, B, S };
}

describe.each(KINDS.map((kind) => [nameOf(kind), kind] as const))("%s", (_, kind) => {
  let path: string;
  let files: string;
  beforeAll(async () => {
    path = await models.make(kind);
    files = join((await models.export(path)).out, "onnx");
  });

  test.each([
    ["padded", padded],
    ["alone", one],
  ])("in float32 is Limbeck's own within 1e-4, %s", async (__, batch) => {
    const [expected, actual] = [await own(path, batch), await ort(join(files, "model.onnx"), batch)];
    expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort());
    expect(distance(expected, actual, batch)).toBeLessThan(1e-4);
  });

  test("in float16 is close", async () => {
    const [expected, actual] = [await own(path, padded), await ort(join(files, "model_fp16.onnx"), padded)];
    expect(distance(expected, actual, padded)).toBeLessThan(0.02 * scaleOf(expected));
  });

  test.each(["model_quantized.onnx", "model_ort_quantized.onnx"])("in int8 is near: %s", async (file) => {
    const [expected, actual] = [await own(path, padded), await ort(join(files, file), padded)];
    expect(distance(expected, actual, padded)).toBeLessThan(0.2 * scaleOf(expected));
  });

  test.each(["model.onnx", "model_fp16.onnx", "model_quantized.onnx", "model_ort_quantized.onnx"])(
    "padding changes nothing: %s",
    async (file) => {
      const alone = batchOf([40]);
      const [long, beside] = [await ort(join(files, file), alone), await ort(join(files, file), padded)];
      // Int8 rounds inputs by the largest of the whole batch.
      const share = file.includes("quantized") ? 0.1 : 1e-3;
      for (const [name, values] of long) {
        const first = beside.get(name)?.subarray(0, values.length) ?? new Float32Array(0);
        expect(largest(values, first, () => true)).toBeLessThan(share * scaleOf(long));
      }
    },
  );

  test("a sequence of padding alone gives numbers", async () => {
    const nothing = { ...one, attentionMask: new Uint8Array(7) };
    for (const file of ["model.onnx", "model_fp16.onnx", "model_quantized.onnx", "model_ort_quantized.onnx"]) {
      const outputs = await ort(join(files, file), nothing);
      expect([...outputs.values()].every((values) => values.every(Number.isFinite))).toBe(true);
    }
  });
});

test.each(["gelu_new", "relu"] as const)("%s is Limbeck's own too", async (activation) => {
  const kind = { family: "bert", task: "fill-mask" } as const;
  const path = await models.make(kind, { activation, name: activation });
  const { out } = await models.export(path, { dtypes: ["fp32", "int8"] });
  const expected = await own(path, padded);
  expect(distance(expected, await ort(join(out, "onnx/model.onnx"), padded), padded)).toBeLessThan(1e-4);
  const bytes = await ort(join(out, "onnx/model_ort_quantized.onnx"), padded);
  expect(distance(expected, bytes, padded)).toBeLessThan(0.2 * scaleOf(expected));
});

test("an export leaves no tensor behind", async () => {
  const path = await models.make({ family: "bert", task: "classify", labelCount: 2 }, { name: "leak" });
  const before = liveTensors();
  await models.export(path);
  expect(liveTensors()).toBe(before);
});

async function own(path: string, batch: RunnerBatch): Promise<Outputs> {
  using source = await openSource(path, null);
  using folder = readModelFolder(path);
  const engine = engineRunner(source.shape, folder.weights);
  const outputs = await engine.run(batch);
  await engine.close();
  return outputs;
}

async function ort(path: string, batch: RunnerBatch): Promise<Outputs> {
  const runner = await ortRunner(path);
  const outputs = await runner.run(batch);
  await runner.close();
  return outputs;
}

/** The largest difference of any output at real tokens. */
function distance(expected: Outputs, actual: Outputs, { attentionMask, B, S }: RunnerBatch): number {
  const differences = [...expected].map(([name, values]) => {
    const perToken = values.length / (B * S);
    const isReal = (i: number) => perToken < 1 || attentionMask?.[Math.floor(i / perToken)] === 1;
    return largest(values, actual.get(name) ?? new Float32Array(0), isReal);
  });
  return Math.max(...differences);
}

function largest(a: Float32Array, b: Float32Array, counts: (index: number) => boolean): number {
  expect(b.length).toBe(a.length);
  return a.reduce((most, value, i) => (counts(i) ? Math.max(most, Math.abs(value - (b[i] as number))) : most), 0);
}

function scaleOf(outputs: Outputs): number {
  return Math.max(...[...outputs.values()].flatMap((values) => [...values].map(Math.abs)));
}
