import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { classify, type Labelled, openModel } from "../../../src/infer/node.js";
import { limbeck, limbeckJson } from "../../cli/limbeck.js";
import { makeWorkshop, type Workshop } from "../../cli/workshop.js";
import { CHROMIUM, chromium, needs } from "../../needs.js";
import { launch, openPage } from "./chromium.js";

// A page with transformers.js alone and no code of Limbeck's, served beside a folder that one command exported.

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }); // Several commands and loads, on whatever machine.

const TEXTS = ["the river walks", "a cold stone sings"];

const TRANSFORMERS = dirname(fileURLToPath(import.meta.resolve("@huggingface/transformers")));

const PAGE = `<!DOCTYPE html>
<title>transformers.js</title>
<link rel="icon" href="data:,">
<script type="module">
import { env, pipeline } from "./transformers.min.js";
env.allowRemoteModels = false;
env.allowLocalModels = true;
env.localModelPath = "./models/";
env.backends.onnx.wasm.wasmPaths = new URL("./", location.href).href;
window.classifyWith = async (dtype, texts) => {
  const classify = await pipeline("text-classification", "mine", { dtype, device: "wasm" });
  return classify(texts, { top_k: 2 });
};
document.title = "ready";
</script>
`;

let shop: Workshop;
let browser: Browser;
let exported: string;
beforeAll(async () => {
  if (CHROMIUM === null) return;
  browser = await launch();
  shop = await makeWorkshop();
  exported = await fineTunedAndExported(shop);
});
afterAll(async () => {
  await browser?.close();
  shop?.[Symbol.dispose]();
});

/** Fine-tunes a small model on two labels, and exports it by one command. */
async function fineTunedAndExported({ teacher, newFolder }: Workshop): Promise<string> {
  const folder = newFolder();
  const rows = Array.from({ length: 40 }, (_, i) =>
    i % 2 === 0 ? `"the river, walks",water` : "a cold stone sings,stone",
  );
  const data = join(folder, "data.csv");
  writeFileSync(data, `${["text,topic", ...rows].join("\n")}\n`);
  const columns = ["--train", data, "--validation", data, "--text", "text", "--label", "topic"];
  const settings = ["sequenceLength=16", "stepSequences=8", "microBatchTokens=128", "epochs=3", "precision=float32"];
  const run = join(folder, "run");
  const finetune = ["finetune", "--model", teacher, ...columns, "--out", run];
  await limbeckJson([...finetune, "--set", ...settings, "peakLearningRate=0.01"]);
  const out = join(folder, "exported");
  const { status, stderr } = await limbeck(["export", "--model", join(run, "model"), "--out", out, "--quiet"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return out;
}

/** Serves a folder that holds the page, transformers.js, its WebAssembly, the model, and nothing else. */
async function servePage(): Promise<Server & { url: string }> {
  const folder = join(shop.newFolder(), "page");
  mkdirSync(join(folder, "models"), { recursive: true });
  writeFileSync(join(folder, "index.html"), PAGE);
  const runtime = dirname(createRequire(join(TRANSFORMERS, "any.js")).resolve("onnxruntime-web"));
  const place = (from: string, name: string) => symlinkSync(join(from, name), join(folder, name));
  place(TRANSFORMERS, "transformers.min.js");
  for (const end of ["mjs", "wasm"]) place(runtime, `ort-wasm-simd-threaded.asyncify.${end}`);
  symlinkSync(exported, join(folder, "models/mine"));
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").slice(1) || "index.html";
    const bytes = readIfThere(join(folder, path));
    if (bytes === null) response.writeHead(404).end();
    else response.writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream" }).end(bytes);
  });
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  return Object.assign(server, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

function readIfThere(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

describe("in Chromium, transformers.js alone", needs(chromium), () => {
  test.each([
    ["fp32", "fp32", 4],
    ["fp16", "fp16", 2],
    ["q8", "int8", 1],
  ] as const)("runs a fine-tuned model that was exported, in %s", async (theirs, dtype, digits) => {
    const server = await servePage();
    const { page, context, errors, hosts } = await openPage(browser);
    try {
      await page.goto(server.url);
      await page.waitForFunction(() => document.title === "ready");
      const got = await page.evaluate(
        ([dtype, texts]) => (window as unknown as ClassifyingWindow).classifyWith(dtype, texts),
        [theirs, TEXTS] as const,
      );
      const model = await openModel(exported, { dtype, threads: 1, fused: false });
      const expected = (await classify(model, TEXTS)) as Labelled[];
      await model.close();
      expect(expected.map(({ label }) => label)).toEqual(["water", "stone"]);
      expect(got).toEqual(
        expected.map(({ labels }) =>
          labels.map(({ label, probability }) => ({ label, score: expect.closeTo(probability, digits) })),
        ),
      );
      expect(errors).toEqual([]);
      expect([...hosts]).toEqual([new URL(server.url).host]);
    } finally {
      await context.close();
      server.closeAllConnections();
      server.close();
    }
  });
});

interface ClassifyingWindow {
  classifyWith(dtype: string, texts: readonly string[]): Promise<{ label: string; score: number }[][]>;
}
