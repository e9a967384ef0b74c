import { mean } from "../../numbers.js";
import type { CurveChart } from "../document.js";
import { html, type Markup } from "../html.js";
import { axisOver, bottomAxis, colourClass, horizontalGrid, legend, positionOn, svgPicture } from "./frame.js";

type Point = readonly [x: number, y: number];

const HEIGHT = 220;
const MOST_POINTS = 100;
const GRAIN = 1000; // The curves' own coordinates, stretched to the plot's size.

/** Lines over a common axis: each has a colour and a dash pattern of its own. */
export function drawCurves(chart: CurveChart, id: string): Markup {
  const series = chart.series.map(({ label, points }) => ({ label, points: thinned(points.filter(isFinitePoint)) }));
  const all = series.flatMap(({ points }) => points);
  const [x, y] = [axisOver(all.map(([x]) => x), 5), axisOver(all.map(([, y]) => y), 5)]; // biome-ignore format: a pair
  const lines = series.map(({ label, points }, i) => {
    const at = ([px, py]: Point) =>
      `${(GRAIN * positionOn(x, px)).toFixed(1)},${(GRAIN * (1 - positionOn(y, py))).toFixed(1)}`;
    return html`<polyline class="curve ${colourClass(i)} dash${(i % 6) + 1}" points="${points.map(at).join(" ")}"><title>${label}</title></polyline>`;
  });
  const content = [
    ...horizontalGrid(y, HEIGHT),
    ...bottomAxis(x, HEIGHT, { isGrid: false }),
    html`<svg width="100%" height="${HEIGHT}" viewBox="0 0 ${GRAIN} ${GRAIN}" preserveAspectRatio="none" overflow="visible">${lines}</svg>`,
    html`<text class="tick" x="100%" y="${HEIGHT + 37}" text-anchor="end">${chart.xLabel}</text>`,
  ];
  const { title, description } = chart;
  return html`<p class="axis-label">${chart.yLabel}</p><div class="plot">${svgPicture({ id, title, description, height: HEIGHT + 42, content })}</div>`;
}

/** What the lines are; for charts of the same lines, once. Fewer than `least` lines have none. */
export function curveLegend({ series }: CurveChart, least = 2): Markup {
  const entries = series.map(({ label }, i) => ({
    label,
    mark: html`<line class="curve ${colourClass(i)} dash${(i % 6) + 1}" x1="0" x2="28" y1="7" y2="7"/>`,
  }));
  return legend(entries, least);
}

/** At most MOST_POINTS points: neighbours are averaged, so that noise does not hide the course. */
export function thinned(points: readonly Point[]): Point[] {
  const size = Math.ceil(points.length / MOST_POINTS);
  if (size <= 1) return [...points];
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const group = points.slice(i * size, (i + 1) * size);
    return [mean(group.map(([x]) => x)), mean(group.map(([, y]) => y))];
  });
}

function isFinitePoint([x, y]: Point): boolean {
  return Number.isFinite(x) && Number.isFinite(y);
}
