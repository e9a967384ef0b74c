import type { Observer, StepRecord } from "./loop.js";

/** How far a run is: what a line of progress shows. */
export interface RunProgress {
  /** Of the steps, in [0, 1]; null before the first. */
  readonly fraction: number | null;
  /** The last step that is done; null before the first. */
  readonly trained: StepRecord | null;
  /** Sequences of the evaluation under way; null while it trains. */
  readonly evaluating: { readonly done: number; readonly total: number } | null;
  /** Of the steps that are left; null where it is not known, and in the last evaluation. */
  readonly etaSeconds: number | null;
}

/** Tells `onProgress` of every step and of every batch that is evaluated, and the observer of the same. */
export function observeProgress<E extends { readonly loss: number }>(
  observer: Partial<Observer<E>>,
  onProgress: (progress: RunProgress) => void,
): Partial<Observer<E>> {
  let trained: StepRecord | null = null;
  const tell = (evaluating: RunProgress["evaluating"]): void => {
    const eta = trained?.etaSeconds ?? null;
    const etaSeconds = evaluating !== null && eta === 0 ? null : eta;
    onProgress({ fraction: trained && trained.step / trained.totalSteps, trained, evaluating, etaSeconds });
  };
  return {
    evaluation: (step, result) => observer.evaluation?.(step, result),
    saved: (step) => observer.saved?.(step),
    profiled: (profile) => observer.profiled?.(profile),
    step(record) {
      trained = record;
      tell(null);
      observer.step?.(record);
    },
    evaluating(done, total) {
      tell({ done, total });
      observer.evaluating?.(done, total);
    },
  };
}
