import { fixed } from "../../quantities.js";
import { html, type Markup } from "../html.js";

/** What an axis covers, and the round values it marks. */
export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  /** Decimals that tell the ticks apart. */
  readonly decimals: number;
}

const ROUND_STEPS = [1, 2, 2.5, 5, 10];

/** An axis over all values, from tick to tick, with about `count` of them. */
export function axisOver(values: readonly number[], count: number): Axis {
  const finite = values.filter(Number.isFinite);
  const [least, most] = finite.length === 0 ? [0, 1] : [Math.min(...finite), Math.max(...finite)];
  const size = Math.max(Math.abs(least), Math.abs(most));
  const areEqual = most - least <= Math.max(1e-6 * size, 1e-12); // As good as.
  const margin = areEqual ? Math.max(0.1 * size, 1e-6) : 0;
  const step = roundStep((most - least + 2 * margin) / count);
  const first = Math.floor((least - margin) / step + 1e-9);
  const last = Math.ceil((most + margin) / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  return { low: first * step, high: last * step, ticks, decimals: decimalsOf(step) };
}

/** Where a value stands on the axis, from 0 to 1. */
export function positionOn({ low, high }: Axis, value: number): number {
  return (value - low) / (high - low);
}

function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * (ROUND_STEPS.find((step) => step * power >= least * (1 - 1e-9)) ?? 10);
}

function decimalsOf(step: number): number {
  for (let decimals = 0; decimals < 8; decimals++) {
    if (Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) < 1e-6) return decimals;
  }
  return 8;
}

// Charts keep their text at its size on every width: x is in percent of the plot, y in pixels, and axis labels stand
// outside of the plot, in the padding of its box.

/** `12.34%`. */
export function percentAlong(axis: Axis, value: number): string {
  return `${(100 * positionOn(axis, value)).toFixed(2)}%`;
}

/** Pixels from the top. */
export function heightOn(axis: Axis, value: number, height: number): string {
  return ((1 - positionOn(axis, value)) * height).toFixed(1);
}

/** The picture itself, with a title and a description for those who do not see it. */
export function svgPicture(given: {
  id: string;
  title: string;
  description: string;
  height: number;
  content: readonly Markup[];
}): Markup {
  const { id, title, description, height, content } = given;
  return html`<svg role="img" aria-labelledby="${id}-title ${id}-desc" width="100%" height="${height}">
<title id="${id}-title">${title}</title>
<desc id="${id}-desc">${description}</desc>
${content}
</svg>`;
}

/** Lines across the plot and their labels to its left. */
export function horizontalGrid(axis: Axis, height: number): Markup[] {
  return axis.ticks.map((tick) => {
    const y = heightOn(axis, tick, height);
    return html`<line class="grid" x1="0" x2="100%" y1="${y}" y2="${y}"/><text class="tick" x="-8" y="${y}" dy="0.32em" text-anchor="end">${fixed(tick, axis.decimals)}</text>`;
  });
}

/** Marks at the bottom of the plot, their labels below. */
export function bottomAxis(axis: Axis, height: number, { isGrid }: { isGrid: boolean }): Markup[] {
  return axis.ticks.map((tick) => {
    const x = percentAlong(axis, tick);
    const label = tick >= 10_000 ? `${fixed(tick / 1000, axis.decimals > 0 ? 1 : 0)}k` : fixed(tick, axis.decimals);
    return html`<line class="grid" x1="${x}" x2="${x}" y1="${isGrid ? 0 : height}" y2="${height + 4}"/><text class="tick" x="${x}" y="${height + 19}" text-anchor="middle">${label}</text>`;
  });
}

/** Names beside the marks of their colours; nothing where there are fewer than `least`. */
export function legend(entries: readonly { label: string; mark: Markup }[], least = 2): Markup {
  if (entries.length < least) return html``;
  const items = entries.map(
    ({ label, mark }) =>
      html`<li><svg aria-hidden="true" width="28" height="14">${mark}</svg><span>${label}</span></li>`,
  );
  return html`<ul class="legend">${items}</ul>`;
}

const COLOURS = 6;

/** The class of a series' colour; the seventh has that of the first again. */
export function colourClass(index: number): string {
  return `c${(index % COLOURS) + 1}`;
}
