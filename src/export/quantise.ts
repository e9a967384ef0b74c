/** A matrix in whole numbers: row r stands for `values[r] · scales[r]`. */
export interface QuantisedRows {
  /** [rows, columns], within ±`levels`. */
  readonly values: Int8Array;
  /** [rows] */
  readonly scales: Float32Array;
}

/**
 * The largest whole number of a weight: 7 bits, not 8.
 *
 * x86 processors without VNNI multiply unsigned by signed bytes and add two such products in 16 bits, which saturate:
 * 2 · 255 · 127 does not fit 32,767, and 2 · 255 · 64 does. So the same file gives the same numbers everywhere.
 */
export const PRODUCT_LEVELS = 64;

/** The largest whole number of a table that is only looked up. */
export const TABLE_LEVELS = 127;

/** Floats below have ever fewer bits. */
const SMALLEST_NORMAL = 2 ** -126;

/**
 * Rounds each row to whole numbers with a scale of its own: its largest magnitude is the largest whole number.
 *
 * Cutting outliers off for finer steps, by the least squared error, gained nothing that could be measured.
 */
export function quantiseRows(matrix: Float32Array, columns: number, levels: number): QuantisedRows {
  const rows = matrix.length / columns;
  const values = new Int8Array(matrix.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const [start, end] = [row * columns, (row + 1) * columns];
    const largest = largestMagnitude(matrix, start, end);
    const scale = largest / levels;
    scales[row] = scale < SMALLEST_NORMAL ? 1 : scale; // Any scale gives zeros; one of few bits would give anything.
    for (let i = start; i < end; i++) values[i] = wholeNumber((matrix[i] as number) / (scales[row] as number), levels);
  }
  return { values, scales };
}

/** A scale of few bits may round down, and its largest whole number up. */
function wholeNumber(value: number, levels: number): number {
  return Math.max(-levels, Math.min(levels, Math.round(value)));
}

function largestMagnitude(values: Float32Array, start: number, end: number): number {
  let largest = 0;
  for (let i = start; i < end; i++) largest = Math.max(largest, Math.abs(values[i] as number));
  return largest;
}
