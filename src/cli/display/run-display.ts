import type { JobEnd, JobsObserver, JobsState } from "../../experiments/jobs.js";
import { formatRows, numberColumns } from "../../pages/table.js";
import { duration, percent, short, whole } from "../../quantities.js";
import type { HeldOutResult } from "../../training/loop/evaluate-held-out.js";
import type { StepRecord } from "../../training/loop/loop.js";
import type { ProfileRow } from "../../training/loop/profile-summary.js";
import type { RunProgress } from "../../training/loop/progress.js";
import type { Estimate } from "../../training/loop/session.js";
import type { StepProfile } from "../../training/loop/step-profiler.js";
import type { Display, ProgressView } from "./display.js";

/** Shows a run, whatever its evaluations find: the estimate before the first step, and one line of progress. */
export function watchRun(display: Display) {
  const observer = {
    estimate(estimate: Estimate): void {
      for (const line of estimateLines(estimate)) display.log(line);
      const { seconds } = estimate;
      if (seconds > 0)
        display.progress({ fraction: null, parts: [{ text: "starting", rank: 9 }], etaSeconds: seconds });
    },
    saved: (step: number): void => display.log(`step ${whole(step)}: saved`),
    profiled: (profile: StepProfile): void => display.log(profileLines(profile).join("\n")),
  };
  return { observer, onProgress: (progress: RunProgress): void => display.progress(progressView(progress)) };
}

export function heldOutWords({ accuracy, loss }: HeldOutResult): string {
  return `held-out masked-token accuracy ${percent(accuracy)}, loss ${loss.toFixed(3)}`;
}

function estimateLines(estimate: Estimate): string[] {
  const { totalSteps, microBatchesPerStep, tokens, parameters, memoryBytes, seconds } = estimate;
  if (seconds === 0) return [`all ${whole(totalSteps)} steps are done already`];
  const cut = microBatchesPerStep === 1 ? "" : `, each in ${whole(microBatchesPerStep)} micro-batches`;
  return [
    `${short(parameters)} parameters to train`,
    `${whole(totalSteps)} steps${cut}; ${short(tokens)} tokens in all`,
    `about ${duration(Math.max(1, seconds))} of training, and ${(memoryBytes / 1e9).toFixed(1)} GB of memory`,
  ];
}

/** How far the training is, and how far an evaluation in it: the time that is left is not known by it. */
function progressView({ fraction, trained, evaluating, etaSeconds }: RunProgress): ProgressView {
  const step = trained === null ? [] : stepParts(trained);
  if (evaluating === null) return { fraction, parts: step, etaSeconds };
  const text = `evaluating ${whole(evaluating.done)} of ${whole(evaluating.total)}`;
  return { fraction, parts: [...step.slice(0, 1), { text, rank: 8.5 }], etaSeconds };
}

function stepParts({ step, totalSteps, losses, learningRate, tokensPerSecond }: StepRecord): ProgressView["parts"] {
  const named = Object.entries(losses).map(([name, value]) => `${name} ${value.toFixed(3)}`);
  return [
    { text: `step ${step}/${totalSteps}`, rank: 9 },
    { text: named.join("  "), rank: 7 },
    { text: `lr ${learningRate.toExponential(1)}`, rank: 4 },
    { text: `${short(tokensPerSecond)} tokens/s`, rank: 5 },
  ];
}

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

const SHOWN_OPS = 15;

/** A profile as two tables, with a line on its trace. */
export function profileLines(profile: StepProfile): string[] {
  const { firstStep, steps, stepMs, phases, ops, outsideOps, path } = profile;
  const last = firstStep + steps - 1;
  const which = steps === 1 ? `step ${whole(firstStep)}` : `steps ${whole(firstStep)} to ${whole(last)}`;
  const shown = ops.slice(0, SHOWN_OPS);
  const rest = ops.length > shown.length ? [sumOf(ops.slice(SHOWN_OPS))] : [];
  return [
    "",
    `profile of ${which}, ${stepMs.toFixed(1)} ms each`,
    ...cutLines(profile),
    "",
    ...formatRows({
      columns: numberColumns("phase", ["ms a step", "share"]),
      rows: phases.map((row) => ({ cells: [row.name, row.ms.toFixed(2), percent(row.share)] })),
    }),
    "",
    ...formatRows({
      columns: numberColumns("op, its own time", ["calls a step", "ms a step", "share"]),
      rows: [
        ...[...shown, ...rest].map((row) => ({
          cells: [row.name, whole(row.calls), row.ms.toFixed(2), percent(row.share)],
        })),
        { cells: ["outside ops", "", outsideOps.ms.toFixed(2), percent(outsideOps.share)] },
      ],
    }),
    "",
    `${path}: each op as it ran. Open it in chrome://tracing or at https://ui.perfetto.dev`,
    "",
  ];
}

function sumOf(ops: readonly ProfileRow[]): ProfileRow {
  const sum = (value: (op: ProfileRow) => number) => ops.reduce((total, op) => total + value(op), 0);
  return {
    name: `${whole(ops.length)} others`,
    calls: sum(({ calls }) => calls),
    ms: sum(({ ms }) => ms),
    share: sum(({ share }) => share),
  };
}

/** What is to be said of a recording that was full. */
function cutLines({ cut }: StepProfile): string[] {
  if (cut === null) return [];
  const limit = `the record was full after ${whole(cut.events)} ops and phases`;
  return [cut.isStep ? `${limit}: this is only how the step begins` : `${limit}: later steps are not in it`];
}
