import { cpSync, readFileSync, statSync, truncateSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { onnxPaths } from "../../../src/infer/model-files.js";
import { answer, classify, embed, fillMask, type Model, type OpenModelOptions } from "../../../src/infer/node.js";
import { type NamedFolder, readExportedModel } from "../../../src/serve/playground/exported-model.js";
import { serveSite } from "../../../src/serve/playground/server.js";
import { playgroundSite, type Site } from "../../../src/serve/playground/site.js";
import {
  ANSWERS,
  BERT,
  CLASSES,
  DISTILBERT,
  type ModelShop,
  open,
  openModelShop,
  TEACHER,
} from "../../infer/exported-models.js";
import { CHROMIUM, chromium, needs } from "../../needs.js";
import { launch, openPage, SOFTWARE_GPU, type WatchedPage } from "./chromium.js";
import { answered, focused, kept, settled, shown } from "./visit.js";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }); // Several loads each, on whatever machine.

const LOCAL = { host: "127.0.0.1", port: 0 };

let shop: ModelShop;
let browser: Browser;
beforeAll(async () => {
  if (CHROMIUM === null) return;
  shop = openModelShop();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  shop?.[Symbol.dispose]();
});

function siteOf(student: string, teacher?: string): Site {
  const named: NamedFolder[] = [{ role: "student", name: "small", folder: student }];
  if (teacher !== undefined) named.push({ role: "teacher", name: "large", folder: teacher });
  return playgroundSite({ models: named.map(readExportedModel), version: "1.2.3" });
}

interface Visit extends WatchedPage, AsyncDisposable {
  readonly url: string;
  stopServer(): Promise<void>;
}

/** A first visit to a site, once its first answers are there. */
async function visit(site: Site, options: { browser?: Browser; width?: number } = {}): Promise<Visit> {
  const serving = await serveSite(site, LOCAL);
  const watched = await openPage(options.browser ?? browser, { width: options.width ?? 1000, height: 800 });
  await watched.page.goto(serving.url);
  await settled(watched.page);
  const stopServer = async () => serving[Symbol.asyncDispose]();
  const dispose = async () => {
    await watched.context.close();
    await stopServer();
  };
  return { ...watched, url: serving.url, stopServer, [Symbol.asyncDispose]: dispose };
}

const near = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 4));

async function inNode<R>(
  folder: string,
  run: (model: Model) => Promise<readonly R[]>,
  options: OpenModelOptions = {},
): Promise<R> {
  const model = await open(folder, options);
  const [result] = await run(model);
  await model.close();
  return result as R;
}

async function fill(page: Page, fields: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(fields)) await page.fill(`#${name}`, value);
  await answered(page, () => page.click("button.primary"));
}

describe("in Chromium, the page answers as Node does", needs(chromium), () => {
  test("what is put at each [MASK], isolated, with no error, and asking no other host", async () => {
    const [student, teacher] = [await shop.exported(TEACHER), await shop.exported(TEACHER)];
    await using visited = await visit(siteOf(student, teacher));
    const { page, errors, hosts, url } = visited;
    const text = "The [MASK] was built of [MASK].";
    await fill(page, { text });
    const masks = await inNode(student, (model) => fillMask(model, [text]));
    const candidates = masks.flatMap((mask) => mask.candidates);
    for (const role of ["student", "teacher"] as const) {
      const { labels, values } = await shown(page, role);
      expect(labels).toEqual(candidates.map(({ token }) => token));
      expect(values).toEqual(near(candidates.map(({ probability }) => probability)));
    }
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    expect(errors).toEqual([]);
    expect([...hosts]).toEqual([new URL(url).host]);
  });

  test("the answer to a question", async () => {
    const folder = await shop.task(DISTILBERT, ANSWERS);
    await using visited = await visit(siteOf(folder));
    const question = { question: "who saw the river?", context: "The old keeper saw the river rise over the stone." };
    await fill(visited.page, question);
    const { text, candidates } = await inNode(folder, (model) => answer(model, [question]));
    const { headline, labels, values } = await shown(visited.page);
    const best = candidates.filter((candidate) => candidate.text !== "").slice(0, 5);
    expect(headline).toBe(text);
    expect(labels).toEqual(best.map((candidate) => candidate.text));
    expect(values).toEqual(near(best.map(({ probability }) => probability)));
    expect(visited.errors).toEqual([]);
  });

  test("the labels of a pair", async () => {
    const folder = await shop.task(BERT, CLASSES);
    await using visited = await visit(siteOf(folder));
    await fill(visited.page, { text: "The river rises.", pair: "The water is high." });
    const pair = { first: "The river rises.", second: "The water is high." };
    const expected = await inNode(folder, (model) => classify(model, [pair]));
    if (!("labels" in expected)) throw new Error("the model has labels");
    const { headline, labels, values } = await shown(visited.page);
    expect(headline).toBe(expected.label);
    expect(labels).toEqual(expected.labels.map(({ label }) => label));
    expect(values).toEqual(near(expected.labels.map(({ probability }) => probability)));
  });

  test("how alike two texts are", async () => {
    const folder = await shop.exported(TEACHER, "embed");
    await using visited = await visit(siteOf(folder));
    const texts = ["The river rises.", "A cold stone sings."];
    await fill(visited.page, { text: texts[0] ?? "", pair: texts[1] ?? "" });
    const vectors = await inNode(folder, async (model) => [await embed(model, texts, { normalize: true })]);
    const cosine = vectors[0]?.reduce((sum, value, i) => sum + value * (vectors[1]?.[i] ?? 0), 0) ?? 0;
    expect((await shown(visited.page)).values).toEqual(near([cosine]));
  });

  test("on a graphics card", async (context) => {
    const folder = await shop.exported(TEACHER);
    await using withGpu = await launch(SOFTWARE_GPU);
    await using visited = await visit(siteOf(folder), { browser: withGpu });
    const { page, errors } = visited;
    if ((await page.locator("#device option").count()) < 2) context.skip("Chromium offers no WebGPU here");
    await answered(page, async () => void (await page.selectOption("#device", "webgpu")));
    expect(await page.inputValue("#device")).toBe("webgpu");
    const text = await page.inputValue("#text");
    const [mask] = await inNode(folder, (model) => fillMask(model, [text]));
    const { labels, values } = await shown(page);
    expect(labels).toEqual(mask?.candidates.map(({ token }) => token));
    expect(values).toEqual(mask?.candidates.map(({ probability }) => expect.closeTo(probability, 3)));
    expect(errors).toEqual([]);
  });
});

describe("in Chromium, the page", needs(chromium), () => {
  let folder: string;
  beforeAll(async () => {
    if (CHROMIUM !== null) folder = await shop.exported(TEACHER);
  });

  test("works by the keyboard alone", async () => {
    await using visited = await visit(siteOf(folder, await shop.exported(TEACHER)));
    const { page } = visited;
    const order: string[] = [];
    for (let stop = 0; stop < 4; stop++) {
      await page.keyboard.press("Tab");
      order.push(await focused(page));
    }
    expect(order).toEqual(["text", "Fill in", "insert-mask", "The … was built in the nineteenth century."]);
    await page.focus("#text");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("He saw a ");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter"); // Inserts a mask where the caret was, and goes back there.
    await page.keyboard.type(" in the sea.");
    expect(await page.inputValue("#text")).toBe("He saw a [MASK] in the sea.");
    await answered(page, () => page.keyboard.press("Control+Enter"));
    expect((await shown(page)).headline).toMatch(/^He saw a .* in the sea\.$/);
    await page.focus("[data-example='3']");
    await answered(page, () => page.keyboard.press("Space"));
    expect((await shown(page)).headline).toMatch(/^The king of .* died in the same year\.$/);
    expect(await page.textContent("#spoken")).toMatch(/^student: .+, in [\d.]+ m?s\. teacher: .+ The student .+\.$/);
  });

  test("says which field it cannot read, and why, and goes on", async () => {
    await using visited = await visit(siteOf(folder));
    const { page } = visited;
    for (const [text, why] of [
      ["No mask at all.", "Expected a [MASK] in the text, got none."],
      ["", "Expected a text with words in it, got an empty one."],
      ["\ud800", /^Expected a/],
      [`${"word ".repeat(200_000)}[MASK]`, /^Expected every \[MASK\] within/],
    ] as const) {
      await page.fill("#text", text);
      await page.click("button.primary");
      await page.waitForFunction(() => document.querySelector("#refusal")?.checkVisibility());
      expect(await page.textContent("#refusal")).toEqual(typeof why === "string" ? why : expect.stringMatching(why));
      expect([await focused(page), await page.getAttribute("#text", "aria-invalid")]).toEqual(["text", "true"]);
    }
    await fill(page, { text: "A [MASK]." });
    expect(await page.isVisible("#refusal")).toBe(false);
    expect(visited.errors).toEqual([]);
  });

  test("runs the weights that are chosen, the smallest to begin with", async () => {
    const several = await shop.exported(TEACHER, "fill-mask", ["fp32", "fp16", "int8"]);
    await using visited = await visit(siteOf(several));
    const { page } = visited;
    const choice = page.locator("#student select");
    const text = await page.inputValue("#text");
    for (const dtype of ["int8", "fp16", "fp32"] as const) {
      if ((await choice.inputValue()) !== dtype) {
        await answered(page, async () => void (await choice.selectOption(dtype)));
      }
      const download = Number.parseFloat((await page.textContent("#student [data-figure=download]")) ?? "");
      const bytes = ["config.json", "tokenizer.json", onnxPaths(dtype)[0]].map(
        (name) => statSync(join(several, name)).size,
      );
      expect(download).toBeCloseTo(bytes.reduce((a, b) => a + b) / 1e6, 1);
      const [mask] = await inNode(several, (model) => fillMask(model, [text]), { dtype, fused: false });
      const digits = dtype === "fp32" ? 4 : 1; // Of int8 and float16 processors and WebAssembly round differently.
      expect((await shown(page)).values[0]).toBeCloseTo(mask?.candidates[0]?.probability ?? Number.NaN, digits);
    }
    expect(visited.errors).toEqual([]);
  });

  test("works without a network after the first load", async () => {
    await using visited = await visit(siteOf(folder, await shop.exported(TEACHER)));
    const { page } = visited;
    await kept(page);
    const before = await shown(page, "teacher");
    await visited.stopServer();
    await page.reload();
    await settled(page);
    expect(await shown(page, "teacher")).toEqual(before);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await page.goto(`${visited.url}index.html`);
    await settled(page);
  });

  test("of another model on the same address is the other's, and keeps nothing of the first", async () => {
    const other = await shop.task(BERT, CLASSES);
    await using visited = await visit(siteOf(folder));
    const { page } = visited;
    await kept(page);
    await visited.stopServer();
    await using _serving = await serveSite(siteOf(other), { ...LOCAL, port: Number(new URL(visited.url).port) });
    await page.reload();
    await kept(page);
    expect(await page.textContent("h1")).toBe("Classify a text");
    const addresses = await page.evaluate(async () => {
      const caches = await Promise.all((await window.caches.keys()).map((name) => window.caches.open(name)));
      const requests = await Promise.all(caches.map((cache) => cache.keys()));
      return new Set(requests.flat().flatMap(({ url }) => /models\/[^/]+/.exec(url) ?? [])).size;
    });
    expect(addresses).toBe(1);
  });

  test("runs on threads where its host sends no headers", async () => {
    const plain = plainHost(siteOf(folder));
    await new Promise<void>((done) => void plain.listen(LOCAL, done));
    const { page, context, errors } = await openPage(browser);
    await page.goto(`http://127.0.0.1:${(plain.address() as AddressInfo).port}/`);
    await page.waitForFunction(() => crossOriginIsolated && document.querySelector("#spoken")?.textContent !== "");
    expect(errors).toEqual([]);
    await context.close();
    plain.closeAllConnections();
    plain.close();
  });

  test("answers with the model that it can open, and says why not with the other", async () => {
    const broken = shop.path();
    cpSync(folder, broken, { recursive: true });
    truncateSync(join(broken, "onnx/model.onnx"), 1000);
    await using visited = await visit(siteOf(folder, broken));
    expect((await shown(visited.page)).labels).toHaveLength(5);
    expect(await visited.page.textContent("#teacher .alert")).toMatch(/onnx\/model\.onnx: ONNX Runtime cannot load it/);
  });

  test.each([320, 400])("of %i pixels is not wider", async (width) => {
    await using visited = await visit(siteOf(folder, await shop.exported(TEACHER)), { width });
    expect(await visited.page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  });
});

/** A host that sends files and nothing else. */
function plainHost(site: Site) {
  return createServer((request, response) => {
    const file = site.get((request.url ?? "/").slice(1) || "index.html");
    if (file === undefined) return response.writeHead(404).end();
    const bytes = "path" in file.content ? readFileSync(file.content.path) : file.content;
    return response.writeHead(200, { "Content-Type": file.type }).end(bytes);
  });
}
