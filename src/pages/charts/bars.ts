import { fixed, plusMinus, signed } from "../../quantities.js";
import type { Bar, BarChart } from "../document.js";
import { html, type Markup } from "../html.js";
import { type Axis, axisOver, bottomAxis, colourClass, legend, percentAlong, svgPicture } from "./frame.js";

const LABEL_HEIGHT = 22;
const BAR_HEIGHT = 17;
const GROUP_GAP = 12;
const CAP = 4; // Half the length of an error bar's ends.

/** Horizontal bars: labels stand above them, so that they are read on a phone too. */
export function drawBars(chart: BarChart, id: string): Markup {
  const axis = axisOver([0, ...chart.groups.flatMap(reach)], 6);
  const isSingle = chart.series.length === 1;
  const [drawn, words]: [Markup[], Markup[]] = [[], []];
  const indent = axis.low === 0 ? 8 : 0; // Beside the axis, not on it.
  let y = 0;
  for (const { label, bars, reference } of chart.groups) {
    const said = isSingle ? valueWords(bars[0] ?? null, chart) : "";
    words.push(html`<text class="label" x="${indent}" y="${y + 15}">${label}</text>`);
    words.push(html`<text class="value" x="100%" y="${y + 15}" text-anchor="end">${said}</text>`);
    y += LABEL_HEIGHT;
    const top = y;
    for (const [series, bar] of bars.entries()) {
      if (bar !== null) drawn.push(drawBar(bar, axis, { y, series, isSingle, chart }));
      y += BAR_HEIGHT;
    }
    if (reference !== null) drawn.push(drawReference(axis, reference, (top + y) / 2));
    y += GROUP_GAP;
  }
  const zero = percentAlong(axis, 0);
  const content = [
    ...bottomAxis(axis, y, { isGrid: true }),
    html`<line class="axis" x1="${zero}" x2="${zero}" y1="0" y2="${y}"/>`,
    ...drawn,
    ...words,
  ];
  const { title, description } = chart;
  return html`${legend(legendOf(chart))}<div class="plot bars">${svgPicture({ id, title, description, height: y + 26, content })}</div>`;
}

/** Everything of a group that must find room. */
function reach({ bars, reference }: BarChart["groups"][number]): number[] {
  const ends = bars.flatMap((bar) =>
    bar === null ? [] : [bar.value - (bar.spread ?? 0), bar.value, bar.value + (bar.spread ?? 0)],
  );
  return reference === null ? ends : [...ends, reference];
}

function drawBar(
  bar: Bar,
  axis: Axis,
  { y, series, isSingle, chart }: { y: number; series: number; isSingle: boolean; chart: BarChart },
): Markup {
  const [from, to] = bar.value < 0 ? [bar.value, 0] : [0, bar.value];
  const x = percentAlong(axis, from);
  const width = `${(Number.parseFloat(percentAlong(axis, to)) - Number.parseFloat(x)).toFixed(2)}%`;
  const middle = y + BAR_HEIGHT / 2;
  const name = isSingle ? "" : `${chart.series[series]}: `;
  return html`<g class="${colourClass(series)}${bar.isMuted ? " muted" : ""}"><title>${name}${valueWords(bar, chart)}</title><rect class="bar" x="${x}" y="${y + 2}" width="${width}" height="${BAR_HEIGHT - 4}" rx="2"/>${errorBar(bar, axis, middle)}</g>`;
}

function errorBar({ value, spread }: Bar, axis: Axis, y: number): Markup | null {
  if (spread === null) return null;
  const [low, high] = [percentAlong(axis, value - spread), percentAlong(axis, value + spread)];
  return html`<g class="error"><line x1="${low}" x2="${high}" y1="${y}" y2="${y}"/><line x1="${low}" x2="${low}" y1="${y - CAP}" y2="${y + CAP}"/><line x1="${high}" x2="${high}" y1="${y - CAP}" y2="${y + CAP}"/></g>`;
}

function drawReference(axis: Axis, value: number, y: number): Markup {
  return html`<svg class="reference" overflow="visible" x="${percentAlong(axis, value)}" y="${y}"><path d="M0,-7 L6,0 L0,7 L-6,0 Z"/></svg>`;
}

function valueWords(bar: Bar | null, { decimals, isSigned }: BarChart): string {
  if (bar === null) return "—";
  const value = isSigned ? signed(bar.value, decimals) : fixed(bar.value, decimals);
  return [value, plusMinus(bar.spread, decimals), bar.note].filter((word) => word !== "").join(" ");
}

function legendOf({ series, referenceLabel, groups }: BarChart): { label: string; mark: Markup }[] {
  const bars = series.map((label, i) => ({
    label,
    mark: html`<g class="${colourClass(i)}"><rect class="bar" x="3" y="1" width="22" height="12" rx="2"/></g>`,
  }));
  if (referenceLabel === null || groups.every(({ reference }) => reference === null)) return bars;
  const mark = html`<g class="reference"><path d="M14,1 L20,7 L14,13 L8,7 Z"/></g>`;
  return [...bars, { label: referenceLabel, mark }];
}
