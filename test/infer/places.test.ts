import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build } from "esbuild";
import * as ortWeb from "onnxruntime-web";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openModel as openInBrowser } from "../../src/infer/browser.js";
import { answer, classify, embed, fillMask } from "../../src/infer/node.js";
import { type CompiledSources, compileSources } from "../compiled-sources.js";
import { ANSWERS, BERT, CLASSES, DISTILBERT, type ModelShop, open, openModelShop, TEACHER } from "./exported-models.js";

let shop: ModelShop;
let sources: CompiledSources;
beforeAll(() => {
  shop = openModelShop();
  sources = compileSources("infer/node.ts", "infer/browser.ts");
});
afterAll(() => {
  shop[Symbol.dispose]();
  sources[Symbol.dispose]();
});

test("in Node, neither libtorch nor native code but ONNX Runtime's is loaded", async () => {
  const folder = await shop.task(DISTILBERT, CLASSES);
  const script = join(sources.folder, "classify.mjs");
  writeFileSync(
    script,
    `import { classify, openModel } from "./infer/node.js";
     const model = await openModel(${JSON.stringify(folder)});
     const [{ label }] = await classify(model, ["The river rises."]);
     const native = process.report.getReport().sharedObjects.filter((path) => /\\.node$|torch|tokenizers/.test(path));
     console.log(JSON.stringify({ label, native: native.map((path) => path.replace(/.*\\//, "")) }));`,
  );
  const { label, native } = JSON.parse(execFileSync(process.execPath, [script], { encoding: "utf8" }));
  expect(native).toEqual(["onnxruntime_binding.node"]);
  expect(CLASSES.kind === "classification" && CLASSES.labels).toContain(label);
});

test("for browsers, nothing of Node is bundled, and no more than is used", async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(sources.folder, "infer/browser.js")],
    ...{ bundle: true, format: "esm", platform: "browser", minify: true, write: false, metafile: true },
    external: ["onnxruntime-web"],
    logLevel: "silent",
  });
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path));
  expect(imports).toEqual(["onnxruntime-web"]);
  expect(outputFiles[0]?.contents.length).toBeLessThan(200_000);
});

test("package.json gives browsers theirs, and Node its own", () => {
  const { exports } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"));
  expect(exports["./infer"]).toMatchObject({
    browser: { default: "./dist/infer/browser.js" },
    default: "./dist/infer/node.js",
  });
  expect(Object.keys(exports["./infer"])[0]).toBe("browser"); // The first that fits is taken.
});

describe("onnxruntime-web gives what onnxruntime-node gives", () => {
  const near = (value: number) => expect.closeTo(value, 4);

  test("for pairs", async () => {
    const folder = await shop.task(BERT, CLASSES);
    const pairs = [{ first: "The river rises.", second: "The water is high." }, "A"];
    const [node, web] = [await open(folder), await open(folder, { runtime: bytesRuntime() })];
    const expected = await classify(node, pairs);
    expect(await classify(web, pairs)).toEqual(
      expected.map((each) =>
        "label" in each ? { ...each, probability: near(each.probability), labels: expect.any(Array) } : each,
      ),
    );
    for (const model of [node, web]) await model.close();
  });

  test("for questions, masks and vectors", async () => {
    const [squad, filler, embedder] = [
      await shop.task(DISTILBERT, ANSWERS),
      await shop.exported(TEACHER),
      await shop.exported(TEACHER, "embed"),
    ];
    const questions = [{ question: "Who saw it?", context: "The keeper saw it. ".repeat(20) }];
    const results = [];
    for (const runtime of [undefined, bytesRuntime()]) {
      const models = [
        await open(squad, { runtime }),
        await open(filler, { runtime }),
        await open(embedder, { runtime }),
      ] as const;
      const [found] = await answer(models[0], questions);
      const [masks] = await fillMask(models[1], ["The [MASK] was built."]);
      const [vector = []] = await embed(models[2], ["The river rises."]);
      results.push({
        text: found?.text,
        start: found?.start,
        tokens: masks?.[0]?.candidates.map(({ token }) => token),
        vector,
      });
      for (const model of models) await model.close();
    }
    const [node, web] = results;
    expect({ ...web, vector: null }).toEqual({ ...node, vector: null });
    expect([...(web?.vector ?? [])]).toEqual([...(node?.vector ?? [])].map(near));
  });
});

describe("from an address", () => {
  let address: string;
  const server = createServer((request, response) => {
    const body = files.get(decodeURI(request.url ?? ""));
    if (body === undefined) response.writeHead(request.url?.startsWith("/broken") ? 500 : 404).end();
    else response.writeHead(200, { "content-length": body.length }).end(body);
  });
  const files = new Map<string, Buffer>();
  beforeAll(async () => {
    const folder = await shop.task(DISTILBERT, CLASSES);
    for (const name of ["config.json", "tokenizer.json", "onnx/model.onnx"])
      files.set(`/model/${name}`, readFileSync(join(folder, name)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  test("a model is fetched, and says how far it is", async () => {
    const seen = new Map<string, number>();
    const model = await openInBrowser(`${address}/model`, {
      dtype: "fp32",
      onDownload: (file, bytes, all) => seen.set(file, bytes / (all ?? 1)),
    });
    expect(await classify(model, ["The river rises."])).toHaveLength(1);
    expect(Object.fromEntries(seen)).toEqual({ "config.json": 1, "tokenizer.json": 1, "onnx/model.onnx": 1 });
    await model.close();
  });

  test("what is not there, or not to be had, is named", async () => {
    await expect(openInBrowser(`${address}/other/`)).rejects.toThrow(
      /\/other: expected config\.json, got no such file\./,
    );
    await expect(openInBrowser(`${address}/model/`)).rejects.toThrow(
      /\/model: expected onnx\/model_quantized\.onnx, got no such/,
    );
    await expect(openInBrowser(`${address}/broken/`)).rejects.toThrow(
      /\/broken\/config\.json: the server answers 500\./,
    );
    await expect(openInBrowser("http://127.0.0.1:1/")).rejects.toThrow(/config\.json: cannot be fetched\. Check/);
  });
});

/** onnxruntime-web, which reads no paths outside browsers. */
function bytesRuntime() {
  ortWeb.env.wasm.numThreads = 1;
  const create = (source: string | Uint8Array, options?: object) =>
    ortWeb.InferenceSession.create(typeof source === "string" ? readFileSync(source) : source, options);
  return { InferenceSession: { create }, Tensor: ortWeb.Tensor };
}
