import fc from "fast-check";
import { expect, test } from "vitest";
import { type ProgressView, progressLine } from "../../../src/cli/display/display.js";
import { clock, duration, percent, short } from "../../../src/cli/display/quantities.js";
import { nearest } from "../../../src/text/nearest.js";

const view: ProgressView = {
  fraction: 0.25,
  parts: [
    { text: "step 75/300", rank: 9 },
    { text: "ce 0.018  mlm 9.008  cos 0.007", rank: 7 },
    { text: "lr 1.0e-3", rank: 4 },
    { text: "5.61 k tokens/s", rank: 5 },
  ],
  etaSeconds: 725,
};

test("a wide terminal has room for everything, and a bar", () => {
  expect(progressLine(view, 120)).toBe(
    ` 25 %  ${"█".repeat(7)}${"░".repeat(21)}  step 75/300  ce 0.018  mlm 9.008  cos 0.007  lr 1.0e-3  5.61 k tokens/s  ETA 12:05`,
  );
});

test.each([
  [80, " 25 %  step 75/300  ce 0.018  mlm 9.008  cos 0.007  5.61 k tokens/s  ETA 12:05"],
  [50, " 25 %  step 75/300  5.61 k tokens/s  ETA 12:05"],
  [40, " 25 %  step 75/300  ETA 12:05"],
  [20, " 25 %  step 75/300"],
])("in %d columns the most important stays", (columns, line) => {
  expect(progressLine(view, columns)).toBe(line);
});

test("no terminal is too narrow: the line never wraps", () => {
  const part = fc.record({ text: fc.string({ maxLength: 40 }), rank: fc.integer({ min: 0, max: 9 }) });
  const anyView = fc.record({
    fraction: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    parts: fc.array(part, { maxLength: 6 }),
    etaSeconds: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true })),
  });
  fc.assert(
    fc.property(anyView, fc.integer({ min: 1, max: 200 }), (shown, columns) => {
      expect(progressLine(shown, columns).length).toBeLessThan(columns);
    }),
  );
});

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

test.each([
  ["temprature", "temperature"],
  ["Seed", "seed"],
  ["step", "steps"],
  ["batchSize", null],
])("nearest to %s is %s", (word, expected) => {
  expect(nearest(word, ["temperature", "seed", "steps", "maskShare"])).toBe(expected);
});
