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

/** Shares of a row's largest magnitude that are tried as what the largest whole number stands for. */
const CLIPS = [1, 0.95, 0.9, 0.85, 0.8, 0.7];

/**
 * Rounds each row to whole numbers with a scale of its own: the one of a few that loses least.
 *
 * A row's outliers are cut where all its other numbers gain more by finer steps than the outliers lose.
 */
export function quantiseRows(matrix: Float32Array, columns: number, levels: number): QuantisedRows {
  const rows = matrix.length / columns;
  const values = new Int8Array(matrix.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const floats = matrix.subarray(row * columns, (row + 1) * columns);
    const scale = bestScale(floats, levels);
    scales[row] = scale;
    round(floats, { scale, levels }, values.subarray(row * columns, (row + 1) * columns));
  }
  return { values, scales };
}

function bestScale(row: Float32Array, levels: number): number {
  let largest = 0;
  for (const value of row) largest = Math.max(largest, Math.abs(value));
  if (largest === 0) return 1; // Any scale gives zeros.
  let best = { scale: 0, loss: Number.POSITIVE_INFINITY };
  for (const clip of CLIPS) {
    const scale = Math.fround((clip * largest) / levels);
    const loss = squaredError(row, scale, levels);
    if (loss < best.loss) best = { scale, loss };
  }
  return best.scale;
}

function squaredError(row: Float32Array, scale: number, levels: number): number {
  let sum = 0;
  const inverse = 1 / scale;
  for (let i = 0; i < row.length; i++) {
    const value = row[i] as number;
    const whole = Math.max(-levels, Math.min(levels, Math.round(value * inverse)));
    const error = value - whole * scale;
    sum += error * error;
  }
  return sum;
}

function round(row: Float32Array, { scale, levels }: { scale: number; levels: number }, into: Int8Array): void {
  const inverse = 1 / scale;
  for (let i = 0; i < row.length; i++) {
    into[i] = Math.max(-levels, Math.min(levels, Math.round((row[i] as number) * inverse)));
  }
}
