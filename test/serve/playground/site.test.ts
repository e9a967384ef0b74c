import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "parse5";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SiteDescription } from "../../../src/serve/playground/description.js";
import {
  type ExportedModel,
  type NamedFolder,
  readExportedModel,
} from "../../../src/serve/playground/exported-model.js";
import { serveSite } from "../../../src/serve/playground/server.js";
import { playgroundSite, type Site } from "../../../src/serve/playground/site.js";
import { writeSite } from "../../../src/serve/playground/write-site.js";
import { TEACHER } from "../../infer/exported-models.js";

const folder = mkdtempSync(join(tmpdir(), "limbeck-playground-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
const newPath = () => join(folder, `folder-${count++}`);

/** A folder that looks exported: its weights are a few bytes, which nobody here runs. */
function looksExported(changes: object = {}): string {
  const path = newPath();
  cpSync(TEACHER, path, { recursive: true });
  mkdirSync(join(path, "onnx"));
  writeFileSync(join(path, "onnx/model.onnx"), "weights");
  writeFileSync(join(path, "onnx/model_quantized.onnx"), "small");
  const config = join(path, "config.json");
  writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, "utf8")), ...changes }));
  return path;
}

function read(path: string, more: Partial<NamedFolder> = {}): ExportedModel {
  return readExportedModel({ role: "student", name: "small", folder: path, ...more });
}

function siteOf(...models: ExportedModel[]): Site {
  return playgroundSite({ models, version: "1.2.3" });
}

const pageOf = (site: Site): string => String(site.get("index.html")?.content);
const describedIn = (page: string): SiteDescription =>
  JSON.parse(/<script type="application\/json" id="site">(.*?)<\/script>/s.exec(page)?.[1] ?? "") as SiteDescription;

describe("an exported folder", () => {
  test.each([
    ["BertForMaskedLM", {}, "masked-words"],
    ["BertForSequenceClassification", {}, "classification"],
    ["BertForSequenceClassification", { id2label: { 0: "LABEL_0" } }, "regression"],
    ["BertForSequenceClassification", { problem_type: "regression" }, "regression"],
    ["BertForQuestionAnswering", {}, "question-answering"],
    ["BertModel", {}, "embedding"],
  ])("of %s with %j is for %s", (architecture, head, kind) => {
    expect(read(looksExported({ architectures: [architecture], ...head })).kind).toBe(kind);
  });

  test("offers the files that are there", () => {
    const { weights } = read(looksExported());
    expect(weights.map(({ dtype, bytes }) => [dtype, bytes])).toEqual([
      ["fp32", 7],
      ["int8", 5],
    ]);
  });

  test.each<[what: string, change: (path: string) => void, message: RegExp]>([
    [
      "no ONNX file",
      (path) => rmSync(join(path, "onnx/model.onnx")),
      /expected onnx\/model.onnx.*Run "limbeck export"/,
    ],
    ["no tokenizer", (path) => rmSync(join(path, "tokenizer.json")), /expected tokenizer.json/],
    ["no config", (path) => rmSync(join(path, "config.json")), /expected config.json/],
    ["a config that is none", (path) => writeFileSync(join(path, "config.json"), "{"), /config.json/],
  ])("with %s is refused", (_, change, message) => {
    const path = looksExported();
    rmSync(join(path, "onnx/model_quantized.onnx"));
    change(path);
    expect(() => read(path)).toThrow(message);
  });

  test("of a class nobody runs is refused", () => {
    expect(() => read(looksExported({ architectures: ["BertForPreTraining"] }))).toThrow(/got BertForPreTraining/);
  });
});

describe("a site", () => {
  let site: Site;
  let page: string;
  beforeAll(() => {
    site = siteOf(read(looksExported()), read(looksExported(), { role: "teacher", name: "</script><b>large" }));
    page = pageOf(site);
  });

  test("has every file that its page names, and ONNX Runtime's for processors and graphics cards", () => {
    const { models, shell, assets } = describedIn(page);
    const model = models.flatMap(({ address, weights }) => [
      ...["config.json", "tokenizer.json"].map((name) => address + name),
      ...weights.map(({ file }) => address + file),
    ]);
    const runtime = ["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.asyncify.mjs"].map((name) => assets + name);
    const named = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = ""]) => path);
    const all = [...model, ...shell.filter((path) => path !== "./"), ...runtime, ...named, `${assets}worker.js`];
    expect(all.filter((path) => !site.has(path))).toEqual([]);
    expect(site.has("service-worker.js")).toBe(true);
  });

  test("names no other host, in its page, its styles or its scripts", () => {
    for (const [path, { content, type }] of site) {
      if ("path" in content || !/html|css/.test(type)) continue;
      expect([path, content.toString().match(/https?:\/\/(?!www\.w3\.org)[^\s"')]*/g)]).toEqual([path, null]);
    }
  });

  test("is HTML without a parse error, and a name in it is text", () => {
    const errors: string[] = [];
    parse(page, { onParseError: ({ code }) => errors.push(code), sourceCodeLocationInfo: true });
    expect(errors).toEqual([]);
    expect(page).not.toContain("<b>large");
    expect(describedIn(page).models[1]?.name).toBe("</script><b>large");
  });

  test("gives each label a field, and each field a label", () => {
    const labels = [...page.matchAll(/<label for="([^"]+)"/g)].map(([, id]) => id);
    const fields = [...page.matchAll(/<(?:textarea|input) id="([^"]+)"/g)].map(([, id]) => id);
    expect(labels).toEqual(fields);
    expect(fields.length).toBeGreaterThan(0);
  });

  test("puts a model that has changed into another folder", () => {
    const path = looksExported();
    const addressOf = () => describedIn(pageOf(siteOf(read(path)))).models[0]?.address;
    const before = addressOf();
    expect(addressOf()).toBe(before);
    utimesSync(join(path, "onnx/model.onnx"), 1, 1);
    expect(addressOf()).not.toBe(before);
  });

  test("of models for different tasks is refused", () => {
    const other = read(looksExported({ architectures: ["BertForQuestionAnswering"] }), { role: "teacher" });
    expect(() => siteOf(read(looksExported()), other)).toThrow(
      /--compare .* for fill-mask.* got one for question-answer/,
    );
  });

  test("is written as it would be served", () => {
    const out = newPath();
    writeSite(site, out);
    const written = readdirSync(out, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(written.length).toBe(site.size);
    expect(readFileSync(join(out, "index.html"), "utf8")).toBe(page);
  });

  test("is not written over something", () => {
    expect(() => writeSite(site, TEACHER)).toThrow(
      /expected a new or an empty folder for the site, got one that holds/,
    );
  });
});

describe("the server", () => {
  const LOCAL = { host: "127.0.0.1", port: 0 };

  test("sends files from the disk, whole and in part, and none with HEAD", async () => {
    const site = siteOf(read(looksExported()));
    await using serving = await serveSite(site, LOCAL);
    const address = `${serving.url}${describedIn(pageOf(site)).models[0]?.address}onnx/model.onnx`;
    expect(await (await fetch(address)).text()).toBe("weights");
    expect(await (await fetch(address, { headers: { Range: "bytes=2-4" } })).text()).toBe("igh");
    const head = await fetch(address, { method: "HEAD" });
    expect([head.headers.get("content-length"), await head.text()]).toEqual(["7", ""]);
  });

  test("sends no file that is another by now", async () => {
    const path = looksExported();
    const site = siteOf(read(path));
    await using serving = await serveSite(site, LOCAL);
    const address = `${serving.url}${describedIn(pageOf(site)).models[0]?.address}onnx/model.onnx`;
    writeFileSync(join(path, "onnx/model.onnx"), "other weights");
    expect((await fetch(address)).status).toBe(410);
    rmSync(join(path, "onnx/model.onnx"));
    expect((await fetch(address)).status).toBe(410);
  });

  test("names a port that is taken, and an address that is not here", async () => {
    const site = siteOf(read(looksExported()));
    await using serving = await serveSite(site, LOCAL);
    const port = Number(new URL(serving.url).port);
    await expect(serveSite(site, { ...LOCAL, port })).rejects.toThrow(`--port ${port}: is in use on 127.0.0.1.`);
    await expect(serveSite(site, { host: "192.0.2.1", port: 0 })).rejects.toThrow(
      "--host 192.0.2.1: this machine has no",
    );
  });
});
