// Numbers as a person reads them.

/** `8.4 ms`, `120 ms`, `2.3 s`. */
export function milliseconds(ms: number): string {
  if (ms >= 999.5) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms.toFixed(ms < 99.95 ? 1 : 0)} ms`;
}

/** `9.2 MB`, `134 MB`. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 99.95e6 ? 1 : 0)} MB`;
}

/** `41.3 %`; small shares are not nothing. */
export function percent(share: number): string {
  if (share > 0 && share < 0.0005) return "< 0.1 %";
  return `${(100 * share).toFixed(1)} %`;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** What there is to compare of a model. */
export interface Measured {
  readonly medianMs: number;
  readonly downloadBytes: number;
}

/** How the student does beside its teacher, in a sentence. */
export function verdict(student: Measured, teacher: Measured): string {
  const ratio = teacher.medianMs / student.medianMs;
  const speed =
    Math.abs(Math.log(ratio)) < Math.log(1.05)
      ? "is as fast as"
      : ratio > 1
        ? `is ${ratio.toFixed(1)} times as fast as`
        : `takes ${(1 / ratio).toFixed(1)} times as long as`;
  const share = Math.round((100 * student.downloadBytes) / teacher.downloadBytes);
  return `The student ${speed} its teacher, from ${share} % of the download.`;
}
