import { clock } from "./quantities.js";

interface Part {
  text: string;
  rank: number;
}

/** How far something is, and what there is to say about it. */
export interface ProgressView {
  /** In [0, 1]; null where nobody knows the whole. */
  fraction: number | null;
  /** In the order they are shown. Where there is no room for all, those of the highest `rank` stay. */
  parts: readonly Part[];
  etaSeconds: number | null;
}

const SEPARATOR = "  ";
const ETA_RANK = 8;
const LEAST_BAR = 10;
const MOST_BAR = 30;

/** The view as one line of fewer than `columns` characters, with a bar where there is room. */
export function progressLine(view: ProgressView, columns: number): string {
  const room = columns - 1; // The last column would wrap the cursor.
  const head = view.fraction === null ? "" : `${String(Math.floor(100 * view.fraction)).padStart(3)} %`;
  const eta = view.etaSeconds === null ? [] : [{ text: `ETA ${clock(view.etaSeconds)}`, rank: ETA_RANK }];
  const parts = [...view.parts, ...eta];
  const shown = new Set<Part>();
  const compose = (bar: string) =>
    [head, bar, ...parts.filter((part) => shown.has(part)).map(({ text }) => text)]
      .filter((text) => text !== "")
      .join(SEPARATOR);
  for (const part of parts.toSorted((a, b) => b.rank - a.rank)) {
    shown.add(part);
    if (compose("").length > room) shown.delete(part);
  }
  const width = Math.min(MOST_BAR, room - compose("").length - SEPARATOR.length);
  const bar = view.fraction === null || width < LEAST_BAR ? "" : barOf(view.fraction, width);
  return compose(bar).slice(0, Math.max(0, room));
}

function barOf(fraction: number, width: number): string {
  const full = Math.round(fraction * width);
  return "█".repeat(full) + "░".repeat(width - full);
}
