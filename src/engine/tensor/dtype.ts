/** PyTorch's names. */
export const dtypes = ["float32", "bfloat16", "float16", "float64", "int64", "int32", "uint8", "bool"] as const;
export type DType = (typeof dtypes)[number];

const sizes: Record<DType, number> = {
  float32: 4,
  bfloat16: 2,
  float16: 2,
  float64: 8,
  int64: 8,
  int32: 4,
  uint8: 1,
  bool: 1,
};

export function bytesPerElement(dtype: DType): number {
  return sizes[dtype];
}
