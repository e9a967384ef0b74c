import { ConfigError, FormatError } from "../errors.js";

/** Where a model's files come from: a folder, or an address. */
export interface ModelFiles {
  /** Named in errors. */
  readonly where: string;
  /** A file's text; null where there is no such file. */
  text(name: string): Promise<string | null>;
  /** What a session is made of: a path or the bytes; null where there is no such file. */
  model(name: string): Promise<string | Uint8Array | null>;
}

/** What weights are held in. */
export type ModelDType = "fp32" | "fp16" | "int8";

/** As transformers.js names the files. */
export const ONNX_FILES: Readonly<Record<ModelDType, string>> = {
  fp32: "onnx/model.onnx",
  fp16: "onnx/model_fp16.onnx",
  int8: "onnx/model_quantized.onnx",
};

/** The same, fused for ONNX Runtime on CPUs. */
const FUSED_FILES: Readonly<Partial<Record<ModelDType, string>>> = {
  int8: "onnx/model_ort_quantized.onnx",
};

export const MODEL_DTYPES = Object.keys(ONNX_FILES) as ModelDType[];

/** @throws ConfigError for a dtype nobody knows */
export function checkDType(dtype: string): ModelDType {
  const known = MODEL_DTYPES.find((each) => each === dtype);
  if (known !== undefined) return known;
  throw new ConfigError(`dtype: expected ${MODEL_DTYPES.join(", ")}; got ${JSON.stringify(dtype)}.`);
}

/** An ONNX file that is there. */
export interface OnnxFile {
  /** Below the model's folder. */
  readonly name: string;
  /** What a session is made of. */
  readonly source: string | Uint8Array;
}

/**
 * The ONNX file that holds the weights in a dtype.
 *
 * @param options.fused whether one that is fused for ONNX Runtime is taken where there is one
 * @throws FormatError where there is none
 */
export async function onnxFile(
  files: ModelFiles,
  { dtype, fused }: { dtype: ModelDType; fused: boolean },
): Promise<OnnxFile> {
  const name = ONNX_FILES[dtype];
  for (const candidate of fused ? [FUSED_FILES[dtype], name] : [name]) {
    const source = candidate === undefined ? null : await files.model(candidate);
    if (candidate !== undefined && source !== null) return { name: candidate, source };
  }
  throw new FormatError(
    files.where,
    `expected ${name}, got no such file. Run "limbeck export --model ${files.where} --out DIR", and give DIR.`,
  );
}

/** @throws FormatError where it is not there */
export async function requiredText(files: ModelFiles, name: string): Promise<string> {
  const text = await files.text(name);
  if (text !== null) return text;
  throw new FormatError(files.where, `expected ${name}, got no such file. Give a folder that "limbeck export" wrote.`);
}
