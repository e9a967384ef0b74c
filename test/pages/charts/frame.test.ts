import fc from "fast-check";
import { expect, test } from "vitest";
import { thinned } from "../../../src/pages/charts/curves.js";
import { axisOver, positionOn } from "../../../src/pages/charts/frame.js";

test("an axis ends on round values around all there is", () => {
  expect(axisOver([-3.69, 0.4], 6)).toEqual({ low: -4, high: 1, ticks: [-4, -3, -2, -1, 0, 1], decimals: 0 });
  expect(axisOver([0.31, 0.34], 3)).toMatchObject({ low: 0.31, high: 0.34, decimals: 2 });
});

test("values that are all the same have an axis around them", () => {
  const { low, high } = axisOver([5, 5], 4);
  expect([low < 5, high > 5]).toEqual([true, true]);
});

test("every value lies on its axis, and ticks are evenly apart", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 9 }),
      fc.integer({ min: 2, max: 8 }),
      (values, count) => {
        const axis = axisOver(values, count);
        const gaps = axis.ticks.slice(1).map((tick, i) => tick - (axis.ticks[i] ?? 0));
        expect(axis.ticks.length).toBeLessThanOrEqual(count + 3);
        for (const gap of gaps) expect(gap / (gaps[0] ?? 1)).toBeCloseTo(1, 3);
        for (const value of values) {
          expect(positionOn(axis, value)).toBeGreaterThanOrEqual(-1e-3);
          expect(positionOn(axis, value)).toBeLessThanOrEqual(1 + 1e-3);
        }
      },
    ),
  );
});

test("a long curve is drawn by the means of neighbours", () => {
  const points = Array.from({ length: 400 }, (_, i): [number, number] => [i, i % 2]);
  const thin = thinned(points);
  expect(thin).toHaveLength(100);
  expect(thin[0]).toEqual([1.5, 0.5]);
});
