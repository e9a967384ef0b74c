import { join } from "node:path";
import type { OnnxFileKind } from "../infer/model-files.js";
import { writeSynced } from "../storage/atomic-files.js";
import { packageVersion } from "../version.js";
import { Int8Precision } from "./int8-precision.js";
import { type GraphShape, HEAD_GRAPHS, modelGraph } from "./model-graph.js";
import { serializeOnnx } from "./onnx/serialize.js";
import { type Operators, OrtOperators, PortableOperators } from "./operators.js";
import { type Parameters, parametersOf } from "./parameters.js";
import { FloatPrecision, type Precision } from "./precision.js";
import type { ExportSource } from "./source.js";

/** The numbers and operators of a file. */
function numbersOf(
  { dtype, runtime }: OnnxFileKind,
  parameters: Parameters,
  { kind }: GraphShape,
): { precision: Precision; operators: Operators } {
  const activations = dtype === "fp16" ? "float16" : "float32";
  const operators = runtime === "ort" ? new OrtOperators() : new PortableOperators(activations);
  const precision =
    dtype === "int8"
      ? new Int8Precision(parameters, operators, HEAD_GRAPHS[kind])
      : new FloatPrecision(parameters, activations);
  return { precision, operators };
}

/** Writes one file, and its external data where it is too large for one. */
export function writeOnnxFile(
  folder: string,
  kind: OnnxFileKind,
  { shape, weights, folder: { path } }: ExportSource,
  options: { largestMessage?: number } = {},
): void {
  const how = numbersOf(kind, parametersOf(weights, path, shape.config), shape);
  const files = serializeOnnx(modelGraph(shape, how), {
    ...options,
    fileName: kind.name,
    producerVersion: packageVersion(),
    opsets: how.operators.opsets,
  });
  for (const { name, chunks } of files) writeSynced(join(folder, name), chunks);
}
