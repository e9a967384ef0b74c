import { expect, test } from "vitest";
import { medianIndex, pairedDifference, spreadOf } from "../../src/experiments/statistics.js";

test("a spread is worked by hand", () => {
  // Mean 5, squares 9 + 1 + 1 + 1 + 0 + 0 + 4 + 16 = 32, over n − 1 = 7.
  expect(spreadOf([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({
    count: 8,
    median: 4.5,
    mean: 5,
    deviation: Math.sqrt(32 / 7),
    least: 2,
    most: 9,
  });
});

test("one value has no spread", () => {
  expect(spreadOf([3])).toEqual({ count: 1, median: 3, mean: 3, deviation: null, least: 3, most: 3 });
});

test("the run with the median score is found", () => {
  expect(medianIndex([0.9, 0.1, 0.5])).toBe(2);
  expect(medianIndex([4, 1, 3, 2])).toBe(3); // Of two in the middle, the lower.
});

test("a difference is taken seed by seed: what seeds share cancels", () => {
  // Differences −1, −2, −3: mean −2, deviation 1, standard error 1/√3.
  expect(pairedDifference([9, 48, 97], [10, 50, 100])).toEqual({
    count: 3,
    mean: -2,
    deviation: 1,
    standardError: 1 / Math.sqrt(3),
    isWithinNoise: false,
  });
});

test("a difference below its spread is within noise", () => {
  // Differences 3, −1: mean 1, deviation √8.
  expect(pairedDifference([13, 9], [10, 10])).toMatchObject({ mean: 1, deviation: Math.sqrt(8), isWithinNoise: true });
});

test("no difference and no spread is no difference", () => {
  expect(pairedDifference([1, 2], [1, 2])).toMatchObject({ mean: 0, deviation: 0, isWithinNoise: true });
});

test("one pair says nothing about noise", () => {
  expect(pairedDifference([1], [3])).toEqual({
    count: 1,
    mean: -2,
    deviation: null,
    standardError: null,
    isWithinNoise: null,
  });
});

test("values without their pairs are refused", () => {
  expect(() => pairedDifference([1, 2], [1])).toThrow(RangeError);
});
