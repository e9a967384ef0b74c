import { expect, test } from "vitest";
import { argmax, decodeBfloat16, decodeHalf, encodeHalf, LARGEST_HALF, median, percentile } from "../src/numbers.js";

const roundTrip = (...values: number[]) => [
  ...decodeHalf(new Uint16Array(encodeHalf(Float32Array.from(values)).buffer)),
];

test("numbers that a half holds come back as they are", () => {
  const exact = [0, 1, -2, 0.5, 2 ** -14, 2 ** -24, 1023 * 2 ** -24, LARGEST_HALF, -LARGEST_HALF];
  expect(roundTrip(...exact)).toEqual(exact);
});

test("every half comes back as itself", () => {
  const all = Uint16Array.from({ length: 65_536 }, (_, i) => i).filter((half) => ((half >> 10) & 31) !== 31);
  const values = decodeHalf(all);
  expect(new Uint16Array(encodeHalf(values).buffer)).toEqual(all);
});

test("others go to the nearest, ties to the even one", () => {
  expect(roundTrip(1 + 1 / 2048)).toEqual([1]); // Between 1 and 1 + 1/1024.
  expect(roundTrip(1 + 3 / 2048)).toEqual([1 + 2 / 1024]);
  expect(roundTrip(1 + 1.01 / 2048)).toEqual([1 + 1 / 1024]);
  expect(roundTrip(2047.9)).toEqual([2048]); // Carries into the exponent.
  expect(roundTrip(0.5 * 2 ** -24, 1.5 * 2 ** -24)).toEqual([0, 2 * 2 ** -24]);
});

test("what is too large stays finite, and what is no number stays none", () => {
  expect(roundTrip(1e6, -1e6, Number.POSITIVE_INFINITY)).toEqual([LARGEST_HALF, -LARGEST_HALF, LARGEST_HALF]);
  expect(roundTrip(Number.NaN)).toEqual([Number.NaN]);
});

test("bfloat16 is the upper half of a float32", () => {
  expect([...decodeBfloat16(Uint16Array.of(0x3f80, 0xc000))]).toEqual([1, -2]);
});

test("the median is by size, not by place nor by spelling", () => {
  expect(median([100, 9, 20])).toBe(20);
  expect(median([-1, -10, 3, 2])).toBe(0.5);
});

test("percentiles are values that were seen", () => {
  const values = Array.from({ length: 20 }, (_, i) => 20 - i);
  expect(percentile(values, 50)).toBe(10);
  expect(percentile(values, 95)).toBe(19);
  expect(percentile([7], 95)).toBe(7);
});

test("of equal largest values the first is the largest", () => {
  expect(argmax(Float32Array.of(-3, -1, -2, -1))).toBe(1);
});
