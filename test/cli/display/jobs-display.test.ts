import { expect, test } from "vitest";
import type { Display } from "../../../src/cli/display/display.js";
import { JobsDisplay, seriesView } from "../../../src/cli/display/jobs-display.js";
import { type ProgressView, progressLine } from "../../../src/cli/display/progress-line.js";

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
