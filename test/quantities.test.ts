import { expect, test } from "vitest";
import { clock, duration, fixed, listed, percent, short, signed } from "../src/quantities.js";

test.each([
  [0.4, "0 s", "0:00"],
  [59.6, "1 min 00 s", "1:00"],
  [3599, "59 min 59 s", "59:59"],
  [7500, "2 h 05 min", "2:05:00"],
  [200_000, "2 d 7 h", "55:33:20"],
  [Number.NaN, "unknown", "?"],
  [Number.POSITIVE_INFINITY, "unknown", "?"],
])("%d seconds are %s, or %s", (seconds, words, digits) => {
  expect([duration(seconds), clock(seconds)]).toEqual([words, digits]);
});

test("numbers have three digits", () => {
  expect([950, 1234, 43_200, 66_985_530, 4.096e9, 999_999].map(short)).toEqual([
    "950",
    "1.23 k",
    "43.2 k",
    "67.0 M",
    "4.10 B",
    "1.00 M",
  ]);
  expect(percent(0.4126)).toBe("41.3 %");
});

test("numbers have a true minus sign, and zero has none", () => {
  expect([fixed(-2.956, 2), fixed(-0.001, 2), signed(0.31, 1), signed(-0.31, 1), signed(0.001, 2)]).toEqual([
    "−2.96",
    "0.00",
    "+0.3",
    "−0.3",
    "0.00",
  ]);
});

test("lists read as sentences do", () => {
  expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(listed)).toEqual(["", "a", "a and b", "a, b and c"]);
});
