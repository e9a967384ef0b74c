/** A row of the paper's Table 1. */
interface PaperRow {
  readonly name: string;
  /** As printed: the mean of the nine is 79.7 for BERT-base, whose row says 79.5. */
  readonly score: number;
  /** By the task's name, lower-case letters and digits only. */
  readonly tasks: Readonly<Record<string, number>>;
}

/**
 * GLUE on the development sets, median of five runs.
 *
 * Source: Sanh et al. 2019, Table 1.
 */
export const PAPER_GLUE: readonly PaperRow[] = [
  paperRow("ELMo", 68.7, [44.1, 68.6, 76.6, 71.1, 86.2, 53.4, 91.5, 70.4, 56.3]),
  paperRow("BERT-base", 79.5, [56.3, 86.7, 88.6, 91.8, 89.6, 69.3, 92.7, 89.0, 53.5]),
  paperRow("DistilBERT", 77.0, [51.3, 82.2, 87.5, 89.2, 88.5, 59.9, 91.3, 86.9, 56.3]),
];

/**
 * Change of the GLUE macro-score against the full triple loss with teacher initialisation, by variant.
 *
 * Source: Sanh et al. 2019, Table 4.
 */
export const PAPER_ABLATION: Readonly<Record<string, number>> = {
  "no-ce": -2.96,
  "no-cos": -1.46,
  "no-mlm": -0.31,
  "random-start": -3.69,
};

/** A row of the paper's Table 3. */
export interface PaperCost {
  readonly name: string;
  readonly parameters: number;
  /** Of a full pass over STS-B's dev set on a CPU, at batch size 1. */
  readonly seconds: number;
}

/**
 * Size and CPU time. ELMo's 180 M include the model of the task on top of the encoder.
 *
 * Source: Sanh et al. 2019, Table 3: Intel Xeon E5-2690 v3 at 2.9 GHz.
 */
export const PAPER_COSTS = {
  elmo: { name: "ELMo", parameters: 180e6, seconds: 895 },
  bertBase: { name: "BERT-base", parameters: 110e6, seconds: 668 },
  distilBert: { name: "DistilBERT", parameters: 66e6, seconds: 410 },
} as const satisfies Record<string, PaperCost>;

/** The key of a task in `PaperRow.tasks`: "SST-2", "sst2" and "sst-2" are one. */
export function paperKey(task: string): string {
  return task.toLowerCase().replace(/[^a-z0-9]/g, "");
}

function paperRow(name: string, score: number, values: readonly number[]): PaperRow {
  const keys = ["cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2", "stsb", "wnli"];
  return { name, score, tasks: Object.fromEntries(keys.map((key, i) => [key, values[i] ?? Number.NaN])) };
}
