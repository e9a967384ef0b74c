import { describe, expect, test } from "vitest";
import { linearWarmupDecay } from "../../../src/engine/optim/schedules.js";

describe("linear warm-up and decay", () => {
  const schedule = { peakLearningRate: 2, warmupSteps: 4, totalSteps: 12 };
  const rate = (step: number) => linearWarmupDecay(schedule, step);

  test("climbs in equal parts, from one part at step 0 to the peak", () => {
    expect([0, 1, 2, 3].map(rate)).toEqual([0.5, 1, 1.5, 2]);
  });

  test("falls in equal parts, and the last step is the last above zero", () => {
    expect([4, 5, 6, 11].map(rate)).toEqual([2, 1.75, 1.5, 0.25]);
    expect(rate(12)).toBe(0);
    expect(rate(100)).toBe(0);
  });

  test("without warm-up begins at the peak", () => {
    const steep = { ...schedule, warmupSteps: 0 };
    expect([0, 6, 12].map((step) => linearWarmupDecay(steep, step))).toEqual([2, 1, 0]);
  });

  test("of warm-up alone ends at the peak", () => {
    const climb = { ...schedule, warmupSteps: 12 };
    expect(linearWarmupDecay(climb, 11)).toBe(2);
    expect(linearWarmupDecay(climb, 12)).toBe(0);
  });

  test("is linear in the peak", () => {
    const twice = { ...schedule, peakLearningRate: 4 };
    for (let step = 0; step <= 12; step++) expect(linearWarmupDecay(twice, step)).toBe(2 * rate(step));
  });
});
