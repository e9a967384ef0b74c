import { fixed } from "../../quantities.js";
import type { ScatterChart } from "../document.js";
import { html, type Markup } from "../html.js";
import {
  type Axis,
  axisOver,
  bottomAxis,
  colourClass,
  heightOn,
  horizontalGrid,
  percentAlong,
  positionOn,
  svgPicture,
} from "./frame.js";

const HEIGHT = 280;
const LINE_HEIGHT = 17;

type Point = ScatterChart["points"][number];

/** Named points; each name stands beside its point, on the side that has room. */
export function drawScatter(chart: ScatterChart, id: string): Markup {
  const { points, title, description } = chart;
  const x = axisOver([0, ...points.map((point) => point.x)], 5);
  const y = axisOver(
    points.flatMap(({ y, spread }) => [y - (spread ?? 0), y + (spread ?? 0)]),
    5,
  );
  const labels = labelHeights(points, y);
  const marks = points.map((point, i) => drawPoint(point, i, { x, y, labelY: labels[i] ?? 0 }));
  const content = [
    ...horizontalGrid(y, HEIGHT),
    ...bottomAxis(x, HEIGHT, { isGrid: true }),
    ...marks,
    html`<text class="tick" x="100%" y="${HEIGHT + 37}" text-anchor="end">${chart.xLabel}</text>`,
  ];
  return html`<p class="axis-label">${chart.yLabel}</p><div class="plot">${svgPicture({ id, title, description, height: HEIGHT + 42, content })}</div>`;
}

function drawPoint(point: Point, index: number, { x, y, labelY }: { x: Axis; y: Axis; labelY: number }): Markup {
  const left = percentAlong(x, point.x);
  const top = heightOn(y, point.y, HEIGHT);
  const spread = point.spread ?? 0;
  const [high, low] = [heightOn(y, point.y + spread, HEIGHT), heightOn(y, point.y - spread, HEIGHT)];
  const isRight = positionOn(x, point.x) > 0.5;
  const bar = spread === 0 ? null : html`<line class="error-line" x1="${left}" x2="${left}" y1="${high}" y2="${low}"/>`;
  return html`<g class="${colourClass(index)}"><title>${point.label}: ${fixed(point.x, 2)}, ${fixed(point.y, 1)}</title>${bar}<circle class="point" cx="${left}" cy="${top}" r="6"/><svg x="${left}" y="0" overflow="visible"><text class="label" x="${isRight ? -12 : 12}" y="${labelY.toFixed(1)}" dy="0.32em" text-anchor="${isRight ? "end" : "start"}">${point.label}</text></svg></g>`;
}

/** Where the names stand: at their points, but a line apart from the next above. */
function labelHeights(points: readonly Point[], axis: Axis): number[] {
  const heights = points.map((point) => Number(heightOn(axis, point.y, HEIGHT)));
  const order = heights.map((_, i) => i).sort((a, b) => (heights[a] ?? 0) - (heights[b] ?? 0));
  let least = Number.NEGATIVE_INFINITY;
  for (const i of order) {
    heights[i] = Math.max(heights[i] ?? 0, least);
    least = (heights[i] ?? 0) + LINE_HEIGHT;
  }
  return heights;
}
