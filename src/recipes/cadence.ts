/** When things happen in a run; none of it changes the result. */
export interface Cadence {
  /** Writes losses to metrics.jsonl and TensorBoard. */
  logEverySteps: number;
  evaluateEverySteps: number;
  saveEverySteps: number;
  /** Saves at least so often. */
  saveEveryMinutes: number;
  /** Whether to evaluate before the first step too. Default: yes. */
  evaluatesUntrained?: boolean;
}

export const defaultCadence: Cadence = {
  logEverySteps: 10,
  evaluateEverySteps: 100,
  saveEverySteps: 500,
  saveEveryMinutes: 10,
};

/** Sequences of the held-out text that a run is evaluated on. */
export const defaultHeldOutSequences = 256;
