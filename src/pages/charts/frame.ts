import { fixed } from "../../quantities.js";
import { html, type Markup } from "../html.js";
import { type Axis, positionOn } from "./axis.js";

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
