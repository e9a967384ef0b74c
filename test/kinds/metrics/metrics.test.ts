import { describe, expect, test } from "vitest";
import { ConfigError, ShapeError } from "../../../src/errors.js";
import { accuracy, f1, matthews, pearson, scoreOf, spearman, textMetrics } from "../../../src/kinds/metrics/metrics.js";
import { golden } from "./golden.js";

describe("figures of labels are scikit-learn's", () => {
  test.each(Object.entries(golden.classified))("%s", (_, { predictions, labels, ...expected }) => {
    expect(accuracy(predictions, labels)).toBeCloseTo(expected.accuracy, 12);
    expect(matthews(predictions, labels)).toBeCloseTo(expected.matthews, 12);
    if (expected.f1 !== null) expect(f1(predictions, labels)).toBeCloseTo(expected.f1, 12);
  });
});

describe("correlations are SciPy's, and 0 where SciPy has none", () => {
  test.each(Object.entries(golden.scored))("%s", (_, { predictions, labels, ...expected }) => {
    expect(pearson(predictions, labels)).toBeCloseTo(expected.pearson ?? 0, 9);
    expect(spearman(predictions, labels)).toBeCloseTo(expected.spearman ?? 0, 12);
  });

  test("constants whose mean rounds are constants still", () => {
    expect(pearson(new Float64Array(7).fill(0.1), [1, 2, 3, 4, 5, 6, 7])).toBe(0);
  });

  test("of a single row are 0", () => {
    expect([pearson([1], [2]), spearman([1], [2])]).toEqual([0, 0]);
  });

  test("of a model that diverged are NaN, not a number that looks like one", () => {
    expect([pearson([1, Number.NaN, 3], [1, 2, 3]), spearman([1, Number.NaN, 3], [1, 2, 3])]).toEqual([NaN, NaN]);
  });

  test("stay within 1, whatever rounding does", () => {
    const x = Array.from({ length: 1000 }, (_, i) => Math.sqrt(i) / 3);
    expect(
      pearson(
        x,
        x.map((value) => 0.1 * value + 0.7),
      ),
    ).toBeLessThanOrEqual(1);
  });
});

describe("figures of a task", () => {
  test("are those asked for, in that order", () => {
    const figures = textMetrics(["f1", "accuracy"], [1, 1, 0, 0], [1, 0, 0, 0]);
    expect(Object.entries(figures)).toEqual([
      ["f1", 2 / 3],
      ["accuracy", 3 / 4],
    ]);
  });

  test("take typed arrays", () => {
    expect(textMetrics(["pearson"], Float32Array.of(1, 2, 3), Float64Array.of(2, 4, 6)).pearson).toBeCloseTo(1, 12);
  });

  test("want a label for each prediction, and a row at least", () => {
    expect(() => textMetrics(["accuracy"], [1, 0], [1])).toThrow(ShapeError);
    expect(() => textMetrics(["accuracy"], [], [])).toThrow("expected a prediction for each label, got 0 for 0");
  });

  test("are not of answers", () => {
    expect(() => textMetrics(["squadF1"], [1], [1])).toThrow(ConfigError);
  });

  test("are scored by the mean of some of them", () => {
    const metrics = { accuracy: 0.9, f1: 0.8, matthews: 0.1 };
    expect(scoreOf({ score: ["accuracy", "f1"] }, metrics)).toBeCloseTo(0.85, 12);
    expect(scoreOf({ score: ["pearson"] }, metrics)).toBeNaN();
  });
});
