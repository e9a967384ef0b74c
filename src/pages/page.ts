import { drawBars } from "./charts/bars.js";
import { curveLegend, drawCurves } from "./charts/curves.js";
import { drawScatter } from "./charts/scatter.js";
import type { Block, CurveChart, ReportDocument } from "./document.js";
import { html, Markup } from "./html.js";
import { STYLE } from "./style.js";
import { type Cell, partsOf, type Table } from "./table.js";

// Whatever a string in it says, the page fetches nothing and runs nothing.
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

const SHORT_ROWS = 12; // Of tables that are printed on one page.

/** The report as one HTML file that needs no network and no script. */
export function renderPage(document: ReportDocument): string {
  const { title, summary, blocks } = document;
  const page = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main>
<header>
<h1>${unbroken(title)}</h1>
<p class="summary">${summary}</p>
</header>
${renderHighlights(document)}
${blocks.map((block, i) => renderBlock(block, `part-${i + 1}`))}
${renderFooter(document)}
</main>
</body>
</html>
`;
  return page.text;
}

/** Lines break at blanks before they do in "STS-B". */
function unbroken(title: string): Markup[] {
  const parts = title.split(/(\S*\w-\w\S*)/); // Every second has a hyphen.
  return parts.map((part, i) => (i % 2 === 0 ? html`${part}` : html`<span class="whole">${part}</span>`));
}

function renderHighlights({ highlights }: ReportDocument): Markup {
  if (highlights.length === 0) return html``;
  const tiles = highlights.map(
    ({ label, value, note }) =>
      html`<div><dt>${label}</dt><dd class="figure">${value}</dd><dd class="note">${note}</dd></div>\n`,
  );
  return html`<dl class="highlights">${tiles}</dl>`;
}

function renderBlock(block: Block, id: string): Markup {
  switch (block.kind) {
    case "text":
      return renderText(block);
    case "table":
      return renderTable(block.table, id);
    case "facts":
      return renderFacts(block);
    case "bars":
      return renderFigure(block.chart, drawBars(block.chart, id));
    case "scatter":
      return renderFigure(block.chart, drawScatter(block.chart, id));
    case "curves":
      return renderCurves(block, id);
  }
}

function renderText({ heading, paragraphs }: Extract<Block, { kind: "text" }>): Markup {
  const head = heading === null ? null : html`<h2>${heading}</h2>\n`;
  return html`<section>${head}${paragraphs.map((paragraph) => html`<p>${paragraph}</p>\n`)}</section>\n`;
}

function renderFacts({ title, facts }: Extract<Block, { kind: "facts" }>): Markup {
  const entries = facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`);
  return html`<section class="block"><p class="block-title">${title}</p><dl class="facts">${entries}</dl></section>\n`;
}

function renderTable({ caption, columns, rows, notes }: Table, id: string): Markup {
  const side = (i: number) => columns[i]?.align ?? "left";
  const head = columns.map(({ label, align }) => html`<th scope="col" class="${align}">${label}</th>`);
  const body = rows.map(({ cells, tone }) => {
    const [first, ...rest] = cells;
    const others = rest.map((cell, i) => html`<td class="${side(i + 1)}">${renderCell(cell)}</td>`);
    return html`<tr${tone === undefined ? null : html` class="${tone}"`}><th scope="row">${renderCell(first ?? "")}</th>${others}</tr>\n`;
  });
  // Wide tables scroll on their own: whoever has no mouse must be able to reach them.
  return html`<div class="block${rows.length <= SHORT_ROWS ? " short" : ""}">
<div class="scroll" role="region" aria-labelledby="${id}" tabindex="0">
<table>
<caption id="${id}"><span>${caption}</span></caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body}</tbody>
</table>
</div>
${notes.map((note) => html`<p class="note">${note}</p>\n`)}</div>
`;
}

function renderCell(cell: Cell): Markup {
  const { text, detail } = partsOf(cell);
  return html`${text}${detail === "" ? null : html` <span class="detail">${detail}</span>`}`;
}

function renderFigure({ title, description }: { title: string; description: string }, drawing: Markup): Markup {
  return html`<figure class="block"><figcaption>${title}</figcaption>${drawing}<p class="description">${description}</p></figure>\n`;
}

function renderCurves({ title, charts }: Extract<Block, { kind: "curves" }>, id: string): Markup {
  const [first] = charts;
  if (first === undefined) return html``;
  if (charts.length === 1)
    return renderFigure({ ...first, title }, html`${curveLegend(first)}${drawCurves(first, id)}`);
  const isShared = charts.every((chart) => namesOf(chart) === namesOf(first));
  const isNamed = charts.some(({ series }) => series.length > 1); // Then all are, so that the plots stand level.
  const multiples = charts.map((chart, i) => {
    const legend = isShared ? null : curveLegend(chart, isNamed ? 1 : 2);
    return html`<div><p class="chart-title">${chart.title}</p>${legend}${drawCurves(chart, `${id}-${i + 1}`)}</div>`;
  });
  return html`<figure class="block many"><figcaption>${title}</figcaption>${isShared ? curveLegend(first) : null}<div class="multiples">${multiples}</div></figure>\n`;
}

function namesOf({ series }: CurveChart): string {
  return JSON.stringify(series.map(({ label }) => label));
}

function renderFooter({ seeds, provenance: { version, command, date } }: ReportDocument): Markup {
  const facts: [string, Markup][] = [
    ["Made by", html`Limbeck ${version}`],
    ["On", html`<time datetime="${date}">${date.slice(0, 16).replace("T", " ")} UTC</time>`],
  ];
  if (seeds.length > 0) facts.push(["Seeds", html`${seeds.join(", ")}`]);
  if (command !== null) facts.push(["Command", html`<code>${command}</code>`]);
  return html`<footer><dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></footer>`;
}
