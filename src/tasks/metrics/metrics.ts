/** A figure by its name in reports; every one lies in [−1, 1] or [0, 1], but SQuAD's, which count in percent. */
export type MetricName = "accuracy" | "f1" | "matthews" | "pearson" | "spearman" | "exactMatch" | "squadF1";
