/**
 * Pipelines on onnxruntime-node: exported models in servers, without libtorch and without an addon of ours.
 *
 * ```ts
 * import { classify, openModel } from "limbeck/infer";
 *
 * const model = await openModel("sst2/model", { dtype: "int8", threads: 2 });
 * const [verdict] = await classify(model, ["A film to be seen twice."]);
 * await model.close();
 * ```
 *
 * Browsers are given browser.js under the same name, with the same functions.
 *
 * @packageDocumentation
 */

import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { InferenceSession } from "onnxruntime-common";
import { ConfigError, FormatError } from "../errors.js";
import { Model } from "./model.js";
import { checkDType, type ModelDType, type ModelFiles } from "./model-files.js";
import { loadOnnxRuntime } from "./onnx-runtime.js";
import type { Runtime } from "./runtime.js";

export * from "./pipelines.js";

export interface OpenModelOptions {
  /** Which of the exported files (default: fp32). */
  readonly dtype?: ModelDType | undefined;
  /** Whether the file that is fused for ONNX Runtime is taken, where export wrote one (default: yes). */
  readonly fused?: boolean | undefined;
  /** Threads of a pass (default: ONNX Runtime's own choice, the physical cores). */
  readonly threads?: number | undefined;
  /** ONNX Runtime's session options, laid over ours. */
  readonly session?: InferenceSession.SessionOptions | undefined;
  /** Another ONNX Runtime than onnxruntime-node. */
  readonly runtime?: Runtime | undefined;
}

/**
 * Opens an exported model: a folder with config.json, tokenizer.json and onnx/, as transformers.js has it.
 *
 * @throws FormatError when a file is missing, damaged or foreign, or they do not fit each other
 * @throws ConfigError for a dtype or a number of threads that cannot be
 */
export async function openModel(folder: string, options: OpenModelOptions = {}): Promise<Model> {
  const { fused = true, threads } = options;
  const dtype = checkDType(options.dtype ?? "fp32");
  if (threads !== undefined && !(Number.isSafeInteger(threads) && threads >= 1)) {
    throw new ConfigError(`threads: expected a whole number of at least 1, got ${threads}.`);
  }
  if (!existsSync(folder)) {
    throw new FormatError(folder, "expected an exported model's folder, got nothing there. Check the path.");
  }
  const session = {
    ...(threads === undefined ? {} : { intraOpNumThreads: threads, interOpNumThreads: 1 }),
    logSeverityLevel: 4 as const, // What is wrong is thrown, and need not be printed too.
    ...options.session,
  };
  const runtime = options.runtime ?? (await loadOnnxRuntime());
  return Model.open(folderFiles(folder), runtime, { dtype, fused, session });
}

function folderFiles(folder: string): ModelFiles {
  return {
    where: folder,
    text: (name) =>
      readFile(join(folder, name), "utf8").catch((cause: NodeJS.ErrnoException) => missing(folder, name, cause)),
    model: async (name) => {
      const path = join(folder, name);
      const found = await stat(path).catch((cause: NodeJS.ErrnoException) => missing(folder, name, cause));
      return found === null ? null : path;
    },
  };
}

/** @throws FormatError for what is there and cannot be read */
function missing(folder: string, name: string, cause: NodeJS.ErrnoException): null {
  if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return null;
  throw new FormatError(join(folder, name), `cannot be read (${cause.code}). Check it.`, { cause });
}
