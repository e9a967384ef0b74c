import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { largest, softmax } from "../../src/kinds/logits.js";

describe("probabilities", () => {
  test("are the softmax of the logits, worked by hand", () => {
    const [a, b, c] = softmax(Float32Array.of(Math.log(1), Math.log(2), Math.log(5)));
    expect([a, b, c]).toEqual([0.125, 0.25, 0.625].map((value) => expect.closeTo(value, 6)));
  });

  test("do not overflow, and add up to 1", () => {
    expect([...softmax(Float32Array.of(1000, 1000, -1000))]).toEqual([0.5, 0.5, 0]);
    expect([...softmax(Float32Array.of(-1000))]).toEqual([1]);
    expect(softmax(new Float32Array(0))).toHaveLength(0);
  });
});

test("the largest are those that sorting would find, of equal ones the first", () => {
  const logits = fc.array(fc.integer({ min: -4, max: 4 }), { maxLength: 30 });
  fc.assert(
    fc.property(logits, fc.integer({ min: 1, max: 12 }), (values, count) => {
      const sorted = values.map((_, i) => i).sort((i, j) => (values[j] ?? 0) - (values[i] ?? 0) || i - j);
      expect(largest(Float32Array.from(values), count)).toEqual(sorted.slice(0, count));
    }),
  );
});
