import { expect, test } from "vitest";
import { type Display, type ProgressView, progressLine } from "../../../src/cli/display/display.js";
import { JobsDisplay, seriesView, watchRun } from "../../../src/cli/display/run-display.js";
import { observeProgress } from "../../../src/training/loop/progress.js";

function watched() {
  const views: ProgressView[] = [];
  const display: Display = { log: () => {}, progress: (view) => void views.push(view), [Symbol.dispose]: () => {} };
  return { views, observer: observeProgress({}, watchRun(display).onProgress) };
}

const record = {
  ...{ step: 30, totalSteps: 120, loss: 1, losses: { hard: 1 }, learningRate: 1e-3, gradientNorm: 1 },
  ...{ tokens: 1, tokensPerSecond: 1000, etaSeconds: 60 },
};

test("an observer whose methods are a class's is told of all that happens, beside the progress", () => {
  const told: string[] = [];
  class Watcher {
    saved(step: number): void {
      told.push(`saved ${step}`);
    }
    evaluation(step: number): void {
      told.push(`evaluated ${step}`);
    }
    step(): void {
      told.push("stepped");
    }
  }
  const observer = observeProgress(new Watcher(), () => told.push("progress"));
  observer.step?.(record);
  observer.evaluation?.(30, { loss: 1 });
  observer.saved?.(30);
  expect(told).toEqual(["progress", "stepped", "evaluated 30", "saved 30"]);
});

test("an evaluation shows how far it is, at the step where the training stands", () => {
  const { views, observer } = watched();
  observer.step?.(record);
  observer.evaluating?.(512, 25_000);
  expect(progressLine(views[1] as ProgressView, 100)).toMatch(
    /^ 25 % .*step 30\/120 {2}evaluating 512 of 25,000 {2}ETA 1:00$/,
  );
});

test("an evaluation before the first step, and after the last, says nothing of time", () => {
  const { views, observer } = watched();
  observer.evaluating?.(1, 9);
  observer.step?.({ ...record, step: 120, etaSeconds: 0 });
  observer.evaluating?.(2, 9);
  expect(views.map(({ fraction, etaSeconds }) => [fraction, etaSeconds])).toEqual([[null, null], [1, 0], [1, null]]); // biome-ignore format: rows
});

const state = { label: "student CoLA seed 2", done: 3, total: 10, jobSeconds: 60, laterSeconds: 100 };
const inner: ProgressView = {
  fraction: 0.5,
  parts: [
    { text: "step 50/100", rank: 9 },
    { text: "loss 0.3", rank: 7 },
  ],
  etaSeconds: 20,
};

test("one line says which run it is, how far it is, and what all have left", () => {
  expect(progressLine(seriesView(state, inner, 20), 120)).toMatch(
    /^ 35 % .*run 4\/10 {2}student CoLA seed 2 {2}step 50\/100 {2}loss 0\.3 {2}ETA 2:00$/,
  );
});

test("where there is little room, the run and the time that is left stay", () => {
  expect(progressLine(seriesView(state, inner, 20), 50)).toBe(" 35 %  run 4/10  student CoLA seed 2  ETA 2:00");
});

test("before the run knows, it is expected to take what its kind took", () => {
  const starting = { ...inner, fraction: null, etaSeconds: null };
  expect(seriesView(state, starting, 45)).toMatchObject({ fraction: 0.3, etaSeconds: 15 + 100 });
  expect(seriesView({ ...state, jobSeconds: null }, starting, 45).etaSeconds).toBeNull();
});

test("before any run has ended, the others count like the first", () => {
  const first = { ...state, done: 0, jobSeconds: null, laterSeconds: null };
  expect(seriesView(first, inner, 20).etaSeconds).toBe(20 + 9 * 40);
});

test("a run that ends leaves a line; what it logs itself does not", () => {
  const lines: string[] = [];
  const views: ProgressView[] = [];
  const display: Display = {
    log: (line) => void lines.push(line),
    progress: (view) => void views.push(view),
    [Symbol.dispose]: () => {},
  };
  const jobs = new JobsDisplay(display);
  jobs.started(state);
  jobs.inner.log("step 50: saved");
  jobs.inner.progress(inner);
  jobs.finished({ label: "a", outcome: "41.2", seconds: 61 });
  jobs.finished({ label: "b", outcome: "40.1", seconds: null });
  expect(lines).toEqual(["a: 41.2 (1 min 01 s)", "b: 40.1 (done before)"]);
  expect(views.map(({ fraction }) => fraction)).toEqual([0.3, 0.35]);
});
