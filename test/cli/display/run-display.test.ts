import { expect, test } from "vitest";
import type { Display } from "../../../src/cli/display/display.js";
import { type ProgressView, progressLine } from "../../../src/cli/display/progress-line.js";
import { observeSteps } from "../../../src/cli/display/run-display.js";

function watched() {
  const views: ProgressView[] = [];
  const display: Display = { log: () => {}, progress: (view) => void views.push(view), [Symbol.dispose]: () => {} };
  return { views, observer: observeSteps(display) };
}

const record = {
  ...{ step: 30, totalSteps: 120, loss: 1, losses: { hard: 1 }, learningRate: 1e-3, gradientNorm: 1 },
  ...{ tokens: 1, tokensPerSecond: 1000, etaSeconds: 60 },
};

test("an evaluation shows how far it is, at the step where the training stands", () => {
  const { views, observer } = watched();
  observer.step(record);
  observer.evaluating?.(512, 25_000);
  expect(progressLine(views[1] as ProgressView, 100)).toMatch(
    /^ 25 % .*step 30\/120 {2}evaluating 512 of 25,000 {2}ETA 1:00$/,
  );
});

test("an evaluation before the first step, and after the last, says nothing of time", () => {
  const { views, observer } = watched();
  observer.evaluating?.(1, 9);
  observer.step({ ...record, step: 120, etaSeconds: 0 });
  observer.evaluating?.(2, 9);
  expect(views.map(({ fraction, etaSeconds }) => [fraction, etaSeconds])).toEqual([[null, null], [1, 0], [1, null]]); // biome-ignore format: rows
});
