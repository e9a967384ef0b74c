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

test("no pair of products saturates 16 bits, which CPUs without VNNI add them in", () => {
  const [byte, int16] = [255, 32_767];
  expect(2 * byte * PRODUCT_LEVELS).toBeLessThanOrEqual(int16);
  expect(2 * byte * (PRODUCT_LEVELS + 1)).toBeGreaterThan(int16);
});

test("loses no more than rounding to the largest magnitude does", () => {
  const float = fc.float({ min: -10, max: 10, noNaN: true });
  fc.assert(
    fc.property(fc.array(float, { minLength: 8, maxLength: 8 }), (numbers) => {
      const row = Float32Array.from(numbers);
      const { values, scales } = quantiseRows(row, 8, PRODUCT_LEVELS);
      const error = (of: (value: number, i: number) => number) =>
        row.reduce((sum, value, i) => sum + (value - of(value, i)) ** 2, 0);
      const step = Math.max(...numbers.map(Math.abs)) / PRODUCT_LEVELS || 1;
      const plain = error((value) => Math.round(value / step) * step);
      expect(error((_, i) => (values[i] ?? 0) * (scales[0] ?? 0))).toBeLessThanOrEqual(plain * 1.001 + 1e-9);
      expect(values.every((value) => Math.abs(value) <= PRODUCT_LEVELS)).toBe(true);
    }),
  );
});

test("one outlier does not take the steps of all others", () => {
  const row = Float32Array.from({ length: 4096 }, (_, i) => (i === 0 ? 8 : Math.sin(i)));
  const { scales } = quantiseRows(row, row.length, 64);
  expect(scales[0]).toBeLessThan(8 / 64);
});
