import { readFileSync } from "node:fs";

interface Figures {
  exactMatch: number;
  squadF1: number;
}

/** What metrics.py writes. */
export interface MetricsGolden {
  normalised: Record<string, string>;
  classified: Record<
    string,
    { predictions: number[]; labels: number[]; accuracy: number; f1: number | null; matthews: number }
  >;
  scored: Record<string, { predictions: number[]; labels: number[]; pearson: number | null; spearman: number | null }>;
  squad1: ({ prediction: string; golds: string[] } & Figures)[];
  squad2: Record<
    string,
    {
      predictions: Record<string, string>;
      golds: string[][];
      nullOdds: number[];
      each: Figures[];
      /** Times 100, but thresholds and totals. */
      evaluation: Partial<Record<string, number>>;
    }
  >;
}

export const golden: MetricsGolden = JSON.parse(
  readFileSync(new URL("../../goldens/metrics.json", import.meta.url), "utf8"),
);
