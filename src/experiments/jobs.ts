import { Interrupted } from "../errors.js";
import { mean } from "../numbers.js";

/** A run among many. */
export interface Job {
  /** "student, SST-2, seed 2". */
  readonly label: string;
  /** Jobs of a kind take about as long as each other. */
  readonly kind: string;
  /** Null when it is still to be run; else how long it took, where that is known. */
  finished(): { readonly seconds: number | null } | null;
  run(): Promise<void>;
  /** What came out, in a few words; asked when it is finished. */
  outcome(): string;
  /** Removes what nobody needs any more; called when it is finished, also when it had been before. */
  tidy?(): void;
}

/** Where a series of jobs is. */
export interface JobsState {
  readonly label: string;
  /** Jobs that are finished. */
  readonly done: number;
  readonly total: number;
  /** What the job under way takes in all; null before one of its kind has been seen. */
  readonly jobSeconds: number | null;
  /** What the jobs after it take; null where nothing is known yet. */
  readonly laterSeconds: number | null;
}

/** Whoever watches. */
export interface JobsObserver {
  started(state: JobsState): void;
  finished(end: JobEnd): void;
}

export interface JobEnd {
  readonly label: string;
  readonly outcome: string;
  /** It took; null when it had been finished before. */
  readonly seconds: number | null;
}

/**
 * Runs jobs one after another, but those that are finished already.
 *
 * @throws Interrupted when the signal aborts, or a job was interrupted
 */
export async function runJobs(
  jobs: readonly Job[],
  { observer, signal }: { observer: JobsObserver; signal?: AbortSignal | undefined },
): Promise<void> {
  const seconds = new Map<string, number[]>();
  const left: Job[] = [];
  for (const job of jobs) {
    const earlier = job.finished();
    if (earlier === null) left.push(job);
    else settle(job, null, observer);
    if (earlier?.seconds != null) note(seconds, job.kind, earlier.seconds);
  }
  for (const [index, job] of left.entries()) {
    const done = jobs.length - left.length + index;
    if (signal?.aborted) throw interrupted(job, { done, total: jobs.length });
    observer.started({
      label: job.label,
      done,
      total: jobs.length,
      jobSeconds: expected(seconds, job.kind),
      laterSeconds: forecast(seconds, left.slice(index + 1)),
    });
    const startMs = performance.now();
    try {
      await job.run();
    } catch (error) {
      if (!isInterruption(error, signal)) throw error;
      throw interrupted(job, { done, total: jobs.length });
    }
    const took = (performance.now() - startMs) / 1000;
    note(seconds, job.kind, took);
    settle(job, took, observer);
  }
}

function settle(job: Job, seconds: number | null, observer: JobsObserver): void {
  job.tidy?.();
  observer.finished({ label: job.label, outcome: job.outcome(), seconds });
}

function isInterruption(error: unknown, signal: AbortSignal | undefined): boolean {
  return error instanceof Interrupted || (signal?.aborted === true && error === signal.reason);
}

function interrupted({ label }: Job, { done, total }: { done: number; total: number }): Interrupted {
  return new Interrupted(
    `interrupted at "${label}", after ${done} of ${total} runs: go on with the same command and --resume`,
  );
}

function note(seconds: Map<string, number[]>, kind: string, value: number): void {
  seconds.set(kind, [...(seconds.get(kind) ?? []), value]);
}

function expected(seconds: ReadonlyMap<string, number[]>, kind: string): number | null {
  const seen = seconds.get(kind);
  return seen === undefined ? null : mean(seen);
}

/** A kind that was not seen yet counts as the mean of those that were. */
function forecast(seconds: ReadonlyMap<string, number[]>, jobs: readonly Job[]): number | null {
  if (jobs.length === 0) return 0;
  if (seconds.size === 0) return null;
  const otherwise = mean([...seconds.values()].map(mean));
  return jobs.reduce((sum, { kind }) => sum + (expected(seconds, kind) ?? otherwise), 0);
}
