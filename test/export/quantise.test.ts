import fc from "fast-check";
import { expect, test } from "vitest";
import { PRODUCT_LEVELS, quantiseRows, TABLE_LEVELS } from "../../src/export/quantise.js";

test("each row has a scale of its own", () => {
  const { values, scales } = quantiseRows(Float32Array.of(64, -32, 1, 0.64, -0.32, 0.01), 3, PRODUCT_LEVELS);
  expect([...values]).toEqual([64, -32, 1, 64, -32, 1]);
  expect([...scales]).toEqual([1, Math.fround(0.01)]);
});

test("a row of zeros stays one", () => {
  const { values, scales } = quantiseRows(new Float32Array(4), 2, TABLE_LEVELS);
  expect([...values, ...scales]).toEqual([0, 0, 0, 0, 1, 1]);
});

test("a row of next to nothing becomes zeros", () => {
  const { values, scales } = quantiseRows(Float32Array.of(1.4e-45, -1e-40), 2, PRODUCT_LEVELS);
  expect([...values, ...scales].map(Math.abs)).toEqual([0, 0, 1]);
});

test("the smallest scale is the smallest float of full precision", () => {
  const at = (value: number) => {
    const { values, scales } = quantiseRows(Float32Array.of(value), 1, PRODUCT_LEVELS);
    return [...values, ...scales];
  };
  expect(at(2 ** -120)).toEqual([64, 2 ** -126]);
  expect(at(2 ** -121)).toEqual([0, 1]);
});

test("a table that is only looked up fills signed bytes, but for -128", () => {
  const { values, scales } = quantiseRows(Float32Array.of(-127, 127, 63.4, 0.6), 4, TABLE_LEVELS);
  expect([...values, ...scales]).toEqual([-127, 127, 63, 1, 1]);
});

test("no pair of products saturates 16 bits, which CPUs without VNNI add them in", () => {
  const [byte, int16] = [255, 32_767];
  expect(2 * byte * PRODUCT_LEVELS).toBeLessThanOrEqual(int16);
  expect(2 * byte * (PRODUCT_LEVELS + 1)).toBeGreaterThan(int16);
});

test("no number is off by more than half a step", () => {
  const float = fc.float({ min: -10, max: 10, noNaN: true });
  fc.assert(
    fc.property(fc.array(float, { minLength: 8, maxLength: 8 }), (numbers) => {
      const { values, scales } = quantiseRows(Float32Array.from(numbers), 4, PRODUCT_LEVELS);
      for (const [i, value] of Float32Array.from(numbers).entries()) {
        const scale = scales[Math.floor(i / 4)] ?? Number.NaN;
        expect(Math.abs(value - (values[i] ?? Number.NaN) * scale)).toBeLessThanOrEqual(0.5001 * scale);
        expect(Math.abs(values[i] ?? Number.NaN)).toBeLessThanOrEqual(PRODUCT_LEVELS);
      }
    }),
  );
});
