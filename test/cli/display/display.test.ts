import fc from "fast-check";
import { expect, test } from "vitest";
import { type ProgressView, progressLine } from "../../../src/cli/display/display.js";

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
