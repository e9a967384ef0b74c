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

export const MODEL_DTYPES = ["fp32", "fp16", "int8"] as const;

/** What weights are held in. */
export type ModelDType = (typeof MODEL_DTYPES)[number];

/** One ONNX file of a folder: in which numbers, and for which runtimes. */
export interface OnnxFileKind {
  /** In onnx/, with the suffixes that transformers.js knows. */
  readonly name: string;
  readonly dtype: ModelDType;
  /** "any" keeps to ONNX's own operators; "ort" is fused, with ONNX Runtime's. */
  readonly runtime: "any" | "ort";
}

// Of float32 there is none for ONNX Runtime: it would be 2 % faster, and a file of the same size again.
export const ONNX_FILES: readonly OnnxFileKind[] = [
  { name: "model.onnx", dtype: "fp32", runtime: "any" },
  { name: "model_fp16.onnx", dtype: "fp16", runtime: "any" },
  { name: "model_quantized.onnx", dtype: "int8", runtime: "any" },
  { name: "model_ort_quantized.onnx", dtype: "int8", runtime: "ort" },
];

/** A dtype's files below a model's folder: the one that any runtime reads, then the fused one where there is one. */
export function onnxPaths(dtype: ModelDType): [portable: string, ...fused: string[]] {
  return ONNX_FILES.filter((file) => file.dtype === dtype).map(({ name }) => `onnx/${name}`) as [string, ...string[]];
}

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
  const [portable, ...others] = onnxPaths(dtype);
  for (const name of fused ? [...others, portable] : [portable]) {
    const source = await files.model(name);
    if (source !== null) return { name, source };
  }
  throw new FormatError(
    files.where,
    `expected ${portable}, got no such file. Run "limbeck export --model ${files.where} --out DIR", and give DIR.`,
  );
}

/** @throws FormatError where it is not there */
export async function requiredText(files: ModelFiles, name: string): Promise<string> {
  const text = await files.text(name);
  if (text !== null) return text;
  throw new FormatError(files.where, `expected ${name}, got no such file. Give a folder that "limbeck export" wrote.`);
}
