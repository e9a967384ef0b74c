import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeSynced } from "../checkpoint/disk.js";
import { writeModelFolder } from "../checkpoint/folder.js";
import type { TensorSource } from "../checkpoint/safetensors.js";
import { FormatError } from "../errors.js";
import { architectureOf, type ExportTask } from "./heads.js";
import { serializeOnnx } from "./onnx/serialize.js";
import { numbersOf, ONNX_FILES } from "./onnx-files.js";
import { modelGraph } from "./onnx-model.js";
import { parametersOf } from "./parameters.js";
import { type ExportSource, openSource } from "./source.js";

export interface ExportOptions {
  /** A model folder or a Hub id. */
  readonly model: string;
  /** A new folder, or an empty one. */
  readonly out: string;
  /** Null for what the model's head is for. */
  readonly task: ExportTask | null;
}

export interface ExportResult {
  readonly out: string;
  readonly task: ExportTask;
}

/**
 * Writes a model folder with its ONNX files in onnx/, under the names that transformers.js looks for.
 *
 * @throws FormatError or ConfigError when the model does not fit the task, or `out` holds something
 */
export async function exportModel({ model, out, task }: ExportOptions): Promise<ExportResult> {
  refuseTaken(out);
  using source = await openSource(model, task);
  await writeModelFolder({
    path: out,
    config: { ...source.folder.config, architectures: [architectureOf(source.folder, source.shape.task)] },
    tensors: tensorsOf(source),
    card: "",
    saveTokenizer: (folder) => source.tokenizer.save(folder, { maxLength: source.shape.config.maxPositions }),
    writeMore: (folder) => writeOnnx(folder, source),
  });
  return { out, task: source.shape.task };
}

function writeOnnx(folder: string, { folder: { weights }, shape }: ExportSource): void {
  mkdirSync(join(folder, "onnx"));
  for (const file of ONNX_FILES) {
    const how = numbersOf(file, parametersOf(weights), shape);
    const options = { fileName: file.name, producerVersion: "0.1.0", opsets: how.operators.opsets };
    for (const { name, chunks } of serializeOnnx(modelGraph(shape, how), options)) {
      writeSynced(join(folder, "onnx", name), chunks);
    }
  }
}

/** The parameters that the task needs, as they lie in the source. */
function* tensorsOf({ folder: { weights }, parameterShapes }: ExportSource): Generator<[string, TensorSource]> {
  for (const name of parameterShapes.keys()) yield [name, { ...weights.entry(name), bytes: () => weights.read(name) }];
}

/** @throws FormatError when `out` is a file, or a folder that holds something */
function refuseTaken(out: string): void {
  if (!existsSync(out)) return;
  if (!statSync(out).isDirectory()) {
    throw new FormatError(out, "expected a new folder to export to, got a file. Give another path.");
  }
  const [first] = readdirSync(out);
  if (first === undefined) return;
  throw new FormatError(
    out,
    `expected a new or an empty folder to export to, got one that holds ${JSON.stringify(first)}. Give another path, or move it away.`,
  );
}
