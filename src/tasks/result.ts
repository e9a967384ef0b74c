import type { MetricName } from "../kinds/metrics/metrics.js";
import type { Split } from "../kinds/task.js";

/** The figures of each split that was evaluated. */
export type SplitMetrics = Readonly<Partial<Record<Split, Readonly<Partial<Record<MetricName, number>>>>>>;

/** What a fine-tuning came to. */
export interface FinetuneResult {
  run: string;
  model: string;
  task: string;
  /** Optimizer steps of the weights that are the result. */
  step: number;
  score: number;
  metrics: SplitMetrics;
  /** What was evaluated during training, where that is not what the figures are of; null where it is. */
  selection: { readonly split: Split; readonly title: string; readonly exampleCount: number } | null;
  trainExamples: number;
  /** Rows that were left out, over all splits. */
  skippedRows: number;
}
