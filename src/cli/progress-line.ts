import { duration } from "./quantities.js";

/** How far something is, and what there is to say about it. */
export interface ProgressView {
  /** In [0, 1]; null where nobody knows the whole. */
  fraction: number | null;
  /** In the order they are shown. Where there is no room for all, those with the lowest `rank` go first. */
  parts: readonly { text: string; rank: number }[];
  etaSeconds: number | null;
}

const SEPARATOR = "  ";
const ETA_RANK = 8;
const LEAST_BAR = 10;
const MOST_BAR = 30;

/** The view as one line of fewer than `columns` characters, with a bar where there is room. */
export function progressLine(view: ProgressView, columns: number): string {
  const eta = view.etaSeconds === null ? [] : [{ text: `ETA ${duration(view.etaSeconds)}`, rank: ETA_RANK }];
  const parts = [...view.parts, ...eta];
  const head = view.fraction === null ? "" : `${String(Math.floor(100 * view.fraction)).padStart(3)} %`;
  const compose = (bar: string) =>
    [head, bar, ...parts.map(({ text }) => text)].filter((text) => text !== "").join(SEPARATOR);
  const room = columns - 1; // The last column would wrap the cursor.
  while (parts.length > 1 && compose("").length > room) parts.splice(leastOf(parts), 1);
  const width = Math.min(MOST_BAR, room - compose("").length - SEPARATOR.length);
  const bar = view.fraction === null || width < LEAST_BAR ? "" : barOf(view.fraction, width);
  return compose(bar).slice(0, room);
}

function leastOf(parts: readonly { rank: number }[]): number {
  const least = Math.min(...parts.map(({ rank }) => rank));
  return parts.findLastIndex(({ rank }) => rank === least);
}

function barOf(fraction: number, width: number): string {
  const full = Math.round(fraction * width);
  return "█".repeat(full) + "░".repeat(width - full);
}
