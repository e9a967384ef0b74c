import type { JobEnd, JobsObserver, JobsState } from "../../experiments/jobs.js";
import type { Display } from "./display.js";
import type { ProgressView } from "./progress-line.js";
import { duration } from "./quantities.js";

/** Shows a series of runs as one line: which it is, how far it is, and what all of them have left. */
export class JobsDisplay implements JobsObserver {
  readonly #display: Display;
  #state: JobsState | null = null;
  #startedMs = 0;

  constructor(display: Display) {
    this.#display = display;
  }

  /** For the run under way: its progress is shown as part of the series', its lines are left out. */
  get inner(): Display {
    return { log: () => {}, progress: (view) => this.#show(view), [Symbol.dispose]: () => {} };
  }

  started(state: JobsState): void {
    this.#state = state;
    this.#startedMs = performance.now();
    this.#show({ fraction: 0, parts: [], etaSeconds: state.jobSeconds });
  }

  finished({ label, outcome, seconds }: JobEnd): void {
    this.#display.log(`${label}: ${outcome} (${seconds === null ? "done before" : duration(seconds)})`);
  }

  #show(inner: ProgressView): void {
    if (this.#state !== null) {
      this.#display.progress(seriesView(this.#state, inner, (performance.now() - this.#startedMs) / 1000));
    }
  }
}

/** @param elapsedSeconds of the run under way */
export function seriesView(state: JobsState, inner: ProgressView, elapsedSeconds: number): ProgressView {
  const { label, done, total, jobSeconds } = state;
  const ownSeconds = inner.etaSeconds ?? (jobSeconds === null ? null : Math.max(0, jobSeconds - elapsedSeconds));
  // Before any has ended, the others count like this one.
  const like = ownSeconds === null ? null : (total - done - 1) * (elapsedSeconds + ownSeconds);
  const laterSeconds = state.laterSeconds ?? like;
  return {
    fraction: (done + Math.min(1, inner.fraction ?? 0)) / total,
    parts: [
      { text: `run ${done + 1}/${total}`, rank: 10 },
      { text: label, rank: 9.5 },
      ...inner.parts.map(({ text, rank }) => ({ text, rank: rank - 2 })), // ETA has 8: it stays before these.
    ],
    etaSeconds: ownSeconds === null || laterSeconds === null ? null : ownSeconds + laterSeconds,
  };
}
