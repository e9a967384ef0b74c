// The ratios of all benches as one picture in a file of its own, for docs/performance.md.
import { drawBars } from "../../dist/pages/charts/bars.js";
import { html } from "../../dist/pages/html.js";
import { CHART_STYLE, COLOURS } from "../../dist/pages/style.js";
import { median, quartiles } from "./statistics.mjs";

const WIDTH = 760;
const MARGIN = 24;
const HEAD = 48; // A chart's title and the line below it.
const FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Liberation Sans',sans-serif";

/**
 * @param rows of any number of reports; those without ratios are left out
 * @param grid of bench/grid.mjs, or undefined
 */
export function performanceChart(rows, grid) {
  const ratios = "a bar is the median, its line the middle half, a diamond what was wanted";
  const of = (better) => rows.filter((row) => row.ratios.length > 0 && row.better === better).map(ratioGroup);
  const charts = [
    { id: "fast", title: "Times as fast as the rival", note: `more is better; ${ratios}`, groups: of("higher") },
    { id: "cost", title: "Times its floor, or its limit", note: `less is better; ${ratios}`, groups: of("lower") },
    {
      ...{ id: "grid", title: "Microseconds a token of distilling BERT-base", decimals: 0 },
      ...{ note: "less is better; sequences of a micro-batch × tokens of each", groups: grid ? gridGroups(grid) : [] },
    },
  ];
  let y = MARGIN;
  const drawn = charts
    .filter(({ groups }) => groups.length > 0)
    .map((chart) => {
      const picture = pictureOf(chart);
      const height = Number(/ height="(\d+)"/.exec(picture)?.[1]);
      const heading = html`<text class="title" x="${MARGIN}" y="${y + 10}">${chart.title}</text>
<text class="tick" x="${MARGIN}" y="${y + 30}">${chart.note}</text>`;
      const placed = picture.replace('width="100%"', `x="${MARGIN}" y="${y + HEAD}" width="${WIDTH - 2 * MARGIN}"`);
      y += HEAD + height + MARGIN;
      return `${heading.text}\n${placed}`;
    });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" font-family="${FONT}">
<title>Limbeck beside its rivals and its floors</title>
<style>${COLOURS}
${CHART_STYLE}
svg text.title{font-size:16px;font-weight:650}</style>
<rect width="${WIDTH}" height="${y}" fill="var(--background)"/>
${drawn.join("\n")}
</svg>
`;
}

/** The picture alone: its legend is in the heading. */
function pictureOf({ id, title, note, groups, decimals = 2 }) {
  const shape = { series: [""], decimals, isSigned: false, referenceLabel: null };
  const { text } = drawBars({ title, description: `${title}; ${note}.`, ...shape, groups }, id);
  return text.slice(text.indexOf("<svg"), text.lastIndexOf("</svg>") + "</svg>".length);
}

function ratioGroup({ bench, name, against, ratios, wanted }) {
  return {
    label: `${bench}: ${name}${against === "" ? "" : `, to ${against}`}`,
    bars: [{ value: median(ratios), spread: halfSpread(ratios), note: "", isMuted: false }],
    reference: wanted,
  };
}

/** Every other row: the table beside the chart has all. */
function gridGroups({ sequences, lengths, microseconds }) {
  return sequences.flatMap((count, i) =>
    i % 2 === 0
      ? lengths.map((length, j) => ({
          label: `${count} × ${length}`,
          bars: [{ value: microseconds[i][j], spread: null, note: "", isMuted: false }],
          reference: null,
        }))
      : [],
  );
}

function halfSpread(ratios) {
  const [low, high] = quartiles(ratios);
  return high > low ? (high - low) / 2 : null;
}
