import { expect, test } from "vitest";
import { decodeBfloat16, decodeHalf, encodeHalf, LARGEST_HALF } from "../../src/export/half.js";

const roundTrip = (...values: number[]) => [...decodeHalf(encodeHalf(Float32Array.from(values)))];

test("numbers that a half holds come back as they are", () => {
  const exact = [0, 1, -2, 0.5, 2 ** -14, 2 ** -24, 1023 * 2 ** -24, LARGEST_HALF, -LARGEST_HALF];
  expect(roundTrip(...exact)).toEqual(exact);
});

test("every half comes back as itself", () => {
  const all = Uint16Array.from({ length: 65_536 }, (_, i) => i).filter((half) => ((half >> 10) & 31) !== 31);
  const values = decodeHalf(new Uint8Array(all.buffer));
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
  expect([...decodeBfloat16(Uint8Array.of(0x80, 0x3f, 0x00, 0xc0))]).toEqual([1, -2]);
});
