import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { GraphBuilder } from "../../src/export/onnx/graph-builder.js";
import { serializeOnnx } from "../../src/export/onnx/serialize.js";
import { writeOnnxFile } from "../../src/export/onnx-files.js";
import { ortRunner } from "../../src/export/runners.js";
import { openSource } from "../../src/export/source.js";
import { ONNX_FILES } from "../../src/infer/model-files.js";
import { SmallModels } from "./small-models.js";

const models = new SmallModels();
afterAll(() => models[Symbol.dispose]());

const batch = {
  inputIds: Int32Array.of(2, 7, 9, 3),
  tokenTypeIds: new Uint8Array(4),
  attentionMask: null,
  ...{ B: 1, S: 4 },
};

test("a model too large for one file has its weights in a second, and computes the same", async () => {
  using source = await openSource(await models.make({ family: "bert", task: "fill-mask" }), null);
  const outputs: unknown[] = [];
  for (const [folder, largestMessage] of [
    ["one", undefined],
    ["two", 50_000],
  ] as const) {
    const path = join(models.folder, folder);
    mkdirSync(path);
    for (const kind of ONNX_FILES) {
      writeOnnxFile(path, kind, source, largestMessage === undefined ? {} : { largestMessage });
      const runner = await ortRunner(join(path, kind.name));
      outputs.push([kind.name, (await runner.run(batch)).get("logits")]);
      await runner.close();
    }
  }
  expect(outputs.slice(ONNX_FILES.length)).toEqual(outputs.slice(0, ONNX_FILES.length));
  expect(statSync(join(models.folder, "two/model.onnx")).size).toBeLessThan(50_000);
  expect(statSync(join(models.folder, "two/model.onnx_data")).size).toBeGreaterThan(50_000);
});

test("nodes and constants have the names of what they are", async () => {
  using source = await openSource(await models.make({ family: "distilbert", task: "classify", labelCount: 2 }), null);
  writeOnnxFile(models.folder, ONNX_FILES[0] as (typeof ONNX_FILES)[number], source);
  const bytes = readFileSync(join(models.folder, "model.onnx"), "latin1");
  for (const name of [
    "layers.1.attention.qkv.weight",
    "layers.1.ffn.up.product",
    "embeddings.norm",
    "classifier.bias",
  ]) {
    expect(bytes).toContain(name);
  }
});

test("the size that is stated is the size that is written", () => {
  const graph = new GraphBuilder();
  const x = graph.input({ name: "x", dtype: "float32", shape: ["n", 2] });
  graph.add("Add", [x, graph.scalar("one", "float32", 1)], { name: "y" });
  graph.output({ name: "y", dtype: "float32", shape: ["n", 2] });
  const [file] = serializeOnnx(graph.finish("sum"), { fileName: "m.onnx", producerVersion: "1", opsets: { "": 17 } });
  const path = join(models.folder, "m.onnx");
  writeFileSync(path, Buffer.concat([...(file?.chunks ?? [])]));
  expect(statSync(path).size).toBe(file?.byteLength);
});

test("bytes that do not fit a constant's shape are an error that names it", () => {
  const graph = new GraphBuilder();
  graph.constant({ name: "short", dtype: "float32", shape: [3], bytes: () => new Uint8Array(8) });
  const [file] = serializeOnnx(graph.finish("g"), { fileName: "m", producerVersion: "1", opsets: { "": 17 } });
  expect(() => [...(file?.chunks ?? [])]).toThrow("constant short: expected 12 bytes, got 8.");
});
