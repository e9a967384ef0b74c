/**
 * Pipelines on onnxruntime-web: exported models in browsers. See node.ts, which has the same functions.
 *
 * ```ts
 * import { answer, openModel } from "limbeck/infer";
 *
 * const model = await openModel("https://example.org/models/squad/", { dtype: "int8" });
 * const [found] = await answer(model, [{ question: "Who saw it?", context: "The keeper saw it." }]);
 * ```
 *
 * @packageDocumentation
 */

import type { InferenceSession } from "onnxruntime-common";
import * as ort from "onnxruntime-web";
import { FormatError } from "../errors.js";
import { Model } from "./model.js";
import { checkDType, type ModelDType, type ModelFiles } from "./model-files.js";
import type { Runtime } from "./runtime.js";

export * from "./pipelines.js";

/** Addresses are relative to it; workers have one too. */
const PAGE = (globalThis as { readonly location?: { readonly href: string } }).location;

export interface OpenModelOptions {
  /** Which of the exported files (default: int8, the smallest). */
  readonly dtype?: ModelDType | undefined;
  /** Whether the file that is fused for ONNX Runtime is taken, where export wrote one (default: no). */
  readonly fused?: boolean | undefined;
  /** Threads of a pass, where the page is cross-origin isolated; the first model that is opened decides. */
  readonly threads?: number | undefined;
  /** ONNX Runtime's session options, laid over ours: `{ executionProviders: ["webgpu"] }`. */
  readonly session?: InferenceSession.SessionOptions | undefined;
  /** Another build of ONNX Runtime than onnxruntime-web's own choice. */
  readonly runtime?: Runtime | undefined;
  /** Told the bytes that have come of a file, and of how many; null where the server does not say. */
  readonly onDownload?: ((file: string, bytes: number, all: number | null) => void) | undefined;
  /** Another way to fetch: from a cache. */
  readonly fetch?: typeof fetch | undefined;
}

/**
 * Opens an exported model at an address below which config.json, tokenizer.json and onnx/ are found.
 *
 * @throws FormatError when a file is missing, damaged or foreign, or they do not fit each other
 * @throws ConfigError for a dtype nobody knows
 */
export async function openModel(address: string | URL, options: OpenModelOptions = {}): Promise<Model> {
  const { fused = false, threads, runtime = ort } = options;
  const dtype = checkDType(options.dtype ?? "int8");
  if (threads !== undefined) ort.env.wasm.numThreads = threads;
  const session = { logSeverityLevel: 4 as const, ...options.session };
  return Model.open(addressFiles(address, options), runtime, { dtype, fused, session });
}

function addressFiles(address: string | URL, { onDownload, fetch: get = fetch }: OpenModelOptions): ModelFiles {
  const base = new URL(`${String(address).replace(/\/$/, "")}/`, PAGE?.href);
  const bytes = async (name: string): Promise<Uint8Array | null> => {
    const response = await get(new URL(name, base)).catch((cause: unknown) => {
      throw new FormatError(String(new URL(name, base)), "cannot be fetched. Check the network and the address.", {
        cause,
      });
    });
    if (response.status === 404) return null;
    if (!response.ok) throw new FormatError(response.url, `the server answers ${response.status}. Check the address.`);
    return bodyOf(response, (done, all) => onDownload?.(name, done, all));
  };
  return {
    where: base.href.replace(/\/$/, ""),
    text: async (name) => {
      const body = await bytes(name);
      return body === null ? null : new TextDecoder().decode(body);
    },
    model: bytes,
  };
}

async function bodyOf(response: Response, onBytes: (done: number, all: number | null) => void): Promise<Uint8Array> {
  const length = response.headers.get("content-encoding") === null ? response.headers.get("content-length") : null;
  const all = length === null ? null : Number(length);
  const chunks: Uint8Array[] = [];
  let done = 0;
  for (const reader = response.body?.getReader(); reader !== undefined; ) {
    const { value } = await reader.read();
    if (value === undefined) break;
    chunks.push(value);
    done += value.length;
    onBytes(done, all);
  }
  const body = new Uint8Array(done);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}
