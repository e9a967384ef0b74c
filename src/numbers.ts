/** The arithmetic mean; NaN of none. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[sorted.length / 2 - 1] ?? Number.NaN) + upper) / 2;
}

/** The smallest value that at least `percent` % of them do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

/** The index of the largest value, the first of several. */
export function argmax(values: Float32Array): number {
  return values.reduce((best, value, i) => (value > (values[best] ?? 0) ? i : best), 0);
}

const bits = new Float32Array(1);
const word = new Uint32Array(bits.buffer);

/** The largest finite number of 16 bits. */
export const LARGEST_HALF = 65_504;

/**
 * Numbers as IEEE 754 halves, little endian: rounded to the nearest, ties to even, and kept finite.
 *
 * A weight beyond ±65,504 becomes that: an infinity would make NaN of every sum that it meets.
 */
export function encodeHalf(values: Float32Array): Uint8Array {
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) halves[i] = halfOf(values[i] as number);
  return new Uint8Array(halves.buffer);
}

/** Halves, as their bits, as the numbers that they stand for. */
export function decodeHalf(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (half) => {
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const sign = half >> 15 === 0 ? 1 : -1;
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  });
}

/** Numbers of bfloat16, the upper half of a float32, as float32. */
export function decodeBfloat16(upper: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(upper, (half) => half << 16).buffer);
}

function halfOf(value: number): number {
  bits[0] = Math.min(LARGEST_HALF, Math.max(-LARGEST_HALF, value));
  const [whole = 0] = word;
  const sign = (whole >>> 16) & 0x8000;
  const magnitude = whole & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // Not a number stays none.
  // Below 2^-14 halves are evenly spaced, 2^-24 apart.
  if (magnitude < 0x38800000) return sign | roundToEven(Math.abs(bits[0] ?? 0) * 2 ** 24);
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1); // Carries into the exponent where it must.
  return sign | ((rounded - 0x38000000) >>> 13);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
