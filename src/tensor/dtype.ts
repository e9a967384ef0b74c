/** Element types a tensor can have, by their PyTorch names. */
export type DType = "float32" | "bfloat16" | "float16" | "float64" | "int64" | "int32" | "uint8" | "bool";

const ELEMENT_BYTES: Readonly<Record<DType, number>> = {
  float32: 4,
  bfloat16: 2,
  float16: 2,
  float64: 8,
  int64: 8,
  int32: 4,
  uint8: 1,
  bool: 1,
};

/** Bytes one element takes in memory and on disk. */
export function bytesPerElement(dtype: DType): number {
  return ELEMENT_BYTES[dtype];
}
