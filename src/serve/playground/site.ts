import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FormatError } from "../../errors.js";
import { sha256Of } from "../../storage/digest.js";
import type { SiteDescription, SiteModel } from "./description.js";
import { examplesOf } from "./examples.js";
import { checkSameTask, type ExportedModel } from "./exported-model.js";
import { ICON } from "./icon.js";
import { renderPage } from "./playground-page.js";
import { STYLE } from "./playground-style.js";

/** A static site: its files by their paths below it, with no slash before. */
export type Site = ReadonlyMap<string, SiteFile>;

export interface SiteFile {
  readonly content: DiskContent | Buffer;
  readonly type: string;
  /** Whether its path changes whenever its content does, so that it may be kept for ever. */
  readonly isImmutable: boolean;
}

/** A file on the disk, as it was when the site was put together. */
export interface DiskContent {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

interface SiteOptions {
  /** The student, and whatever it is compared with. */
  readonly models: readonly ExportedModel[];
  /** Limbeck's own, for the foot of the page. */
  readonly version: string;
}

/** The page's path: what "/" stands for. */
export const PAGE_FILE = "index.html";

/** At the top, since it is in charge of what lies below it alone. */
const SERVICE_WORKER = "service-worker.js";

/** What set-up bundles of web/; the same from src/ and from dist/. */
const SCRIPTS = fileURLToPath(new URL("../../../dist/web/", import.meta.url));

/** ONNX Runtime for processors, and for graphics cards with a processor to fall back on. */
const RUNTIME_FILES = ["ort-wasm-simd-threaded", "ort-wasm-simd-threaded.asyncify"].flatMap((name) => [
  `${name}.mjs`,
  `${name}.wasm`,
]);

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json; charset=utf-8",
  mjs: "text/javascript; charset=utf-8",
  onnx: "application/octet-stream",
  svg: "image/svg+xml",
  wasm: "application/wasm",
};

/**
 * The playground of these models, as files.
 *
 * @throws ConfigError when the models are for different tasks
 * @throws FormatError when set-up has not bundled the page's scripts
 */
export function playgroundSite({ models, version }: SiteOptions): Site {
  checkSameTask(models);
  const files = new Map<string, SiteFile>();
  const add = (path: string, content: SiteFile["content"], isImmutable: boolean) => {
    files.set(path, { content, type: TYPES[path.split(".").at(-1) ?? ""] ?? "application/octet-stream", isImmutable });
  };
  const assets = assetContents();
  const folder = `assets-${digest([...assets.values()].map(stateOf))}/`;
  for (const [name, content] of assets) add(folder + name, content, true);
  add(SERVICE_WORKER, diskContent(join(SCRIPTS, SERVICE_WORKER)), false);
  const described = models.map((model) => describe(model));
  for (const [i, model] of models.entries()) {
    for (const file of [...model.texts, ...model.weights]) add(`${described[i]?.address}${file.name}`, file, true);
  }
  const description = siteDescription(models, described, { folder, names: [...assets.keys()] });
  add(PAGE_FILE, Buffer.from(renderPage(description, { models, version })), false);
  return files;
}

/** Of a file's content, for ETags: changes when it does. */
export function stateOf(content: SiteFile["content"]): string {
  if (!("path" in content)) return digest([content]);
  return `${content.bytes.toString(36)}-${Math.round(content.modifiedMs).toString(36)}`;
}

export function bytesOf(content: SiteFile["content"]): number {
  return "path" in content ? content.bytes : content.length;
}

function siteDescription(
  models: readonly ExportedModel[],
  described: readonly SiteModel[],
  assets: { folder: string; names: readonly string[] },
): SiteDescription {
  const [first] = models;
  if (first === undefined) throw new RangeError("a playground needs a model");
  // ONNX Runtime is kept when it is used: only one of its two builds is.
  const shell = assets.names.filter((name) => !name.startsWith("ort-")).map((name) => assets.folder + name);
  return {
    kind: first.kind,
    models: described,
    examples: examplesOf(first.kind, first.config.labels),
    shell: ["./", ...shell],
    assets: assets.folder,
  };
}

function describe({ role, name, texts, weights }: ExportedModel): SiteModel {
  const version = digest([...texts, ...weights].map((file) => `${file.name} ${stateOf(file)}`));
  return {
    role,
    name,
    address: `models/${role}-${version}/`,
    textBytes: texts.reduce((sum, { bytes }) => sum + bytes, 0),
    weights: weights.map(({ dtype, name: file, bytes }) => ({ dtype, file, bytes })),
  };
}

function assetContents(): Map<string, SiteFile["content"]> {
  if (!existsSync(join(SCRIPTS, SERVICE_WORKER))) {
    throw new FormatError(SCRIPTS, 'expected the scripts of the page, got none. Run "npm run setup".');
  }
  const names = readdirSync(SCRIPTS).filter((name) => name.endsWith(".js") && name !== SERVICE_WORKER);
  const scripts = names.sort().map((name) => [name, readFileSync(join(SCRIPTS, name))] as const);
  const runtime = RUNTIME_FILES.map(
    (name) => [name, diskContent(fileURLToPath(import.meta.resolve(`onnxruntime-web/${name}`)))] as const,
  );
  return new Map<string, SiteFile["content"]>([
    ["style.css", Buffer.from(STYLE)],
    ["icon.svg", Buffer.from(ICON)],
    ...scripts,
    ...runtime,
  ]);
}

function diskContent(path: string): DiskContent {
  const { size, mtimeMs } = statSync(path);
  return { path, bytes: size, modifiedMs: mtimeMs };
}

/** Ten digits: they tell apart the few states that one browser sees. */
function digest(parts: readonly (string | Buffer)[]): string {
  return sha256Of(parts.flatMap((part) => [part, "\0"])).slice(0, 10);
}
