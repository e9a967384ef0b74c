/** The colours of a page, as CSS names them. */
export interface Palette {
  readonly background: string;
  readonly surface: string;
  readonly line: string;
  readonly text: string;
  readonly muted: string;
  /** Of series, apart for the colour-blind too: blue, vermilion, green, purple, ochre, grey (after Okabe and Ito). */
  readonly c1: string;
  readonly c2: string;
  readonly c3: string;
  readonly c4: string;
  readonly c5: string;
  readonly c6: string;
}

export const LIGHT: Palette = {
  background: "#ffffff",
  surface: "#f4f5f7",
  line: "#d5dae0",
  text: "#1a1e23",
  muted: "#56606b",
  c1: "#0069ab",
  c2: "#c2480a",
  c3: "#007a5a",
  c4: "#a2427f",
  c5: "#7d6200",
  c6: "#56606b",
};

export const DARK: Palette = {
  background: "#14171b",
  surface: "#1d2227",
  line: "#3a424b",
  text: "#e8eaed",
  muted: "#a6b0bb",
  c1: "#5fb4f2",
  c2: "#ff9a5a",
  c3: "#3fd0a2",
  c4: "#e79ccc",
  c5: "#e2c64e",
  c6: "#a6b0bb",
};

export function variables(palette: Palette): string {
  return Object.entries(palette)
    .map(([name, colour]) => `--${name}:${colour};`)
    .join("");
}

const SERIES = [1, 2, 3, 4, 5, 6].map((i) => `.c${i}{--series:var(--c${i})}`).join("\n");

/** The colours of the reader's own light or dark. */
export const COLOURS = `:root{color-scheme:light dark;${variables(LIGHT)}}
@media (prefers-color-scheme:dark){:root{${variables(DARK)}}}`;

/** What a picture needs of the style sheet, in a page or in a file of its own. */
export const CHART_STYLE = `svg{display:block;overflow:visible}
svg text{font-size:14px;fill:var(--text);paint-order:stroke;stroke:var(--background);stroke-width:4px;stroke-linejoin:round}
svg text.tick{font-size:12.5px;fill:var(--muted);font-variant-numeric:tabular-nums}
svg text.value{font-variant-numeric:tabular-nums}
.grid{stroke:var(--line)}
.axis{stroke:var(--text);stroke-width:1.25}
.bar{fill:var(--series)}
.muted .bar{fill-opacity:.3;stroke:var(--series);stroke-dasharray:3 3}
.error line,.error-line{stroke:var(--text);stroke-width:1.5}
.reference path{fill:var(--background);stroke:var(--text);stroke-width:1.75}
.point{fill:var(--series);stroke:var(--background);stroke-width:1.5}
.curve{fill:none;stroke:var(--series);stroke-width:2;stroke-linejoin:round;vector-effect:non-scaling-stroke}
.dash2{stroke-dasharray:7 3}
.dash3{stroke-dasharray:2 3}
.dash4{stroke-dasharray:9 3 2 3}
.dash5{stroke-dasharray:12 4}
.dash6{stroke-dasharray:4 2}
${SERIES}`;

/** The style sheet of a report: light and dark, phone to wide screen, and paper. */
export const STYLE = `
${COLOURS}
@media print{:root{color-scheme:light;${variables(LIGHT)}}}
*{box-sizing:border-box}
body{margin:0;background:var(--background);color:var(--text);
  font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;
  -webkit-text-size-adjust:100%;overflow-wrap:break-word}
main{max-width:66rem;margin:0 auto;padding:2.5rem 1.25rem 3rem}
h1{font-size:clamp(1.6rem,4.5vw,2.2rem);line-height:1.2;letter-spacing:-.015em;margin:0 0 .6rem;text-wrap:balance}
h2{font-size:1.25rem;line-height:1.3;margin:2.6rem 0 .6rem}
p{margin:.5rem 0;max-width:46rem}
.summary{font-size:1.125rem}
.note,.description,footer{color:var(--muted);font-size:.875rem}
.highlights{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;margin:1.6rem 0 0;padding:0}
.highlights div{background:var(--surface);border-radius:10px;padding:.8rem 1rem .9rem;display:flex;flex-direction:column}
.highlights dt{color:var(--muted);font-size:.875rem}
.highlights dd{margin:0}
.highlights .figure{font-size:1.75rem;font-weight:650;line-height:1.25;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.block{margin:2.4rem 0 0}
.scroll{overflow-x:auto;outline-offset:2px}
.scroll:focus-visible{outline:2px solid var(--c1)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9375rem;min-width:min(100%,34rem)}
.whole{display:inline-block;max-width:100%}
caption,figcaption,.block-title,.chart-title{font-weight:650;font-size:1.0625rem;text-align:left;line-height:1.35}
caption{padding:0 0 .5rem}
caption span{display:block;position:sticky;left:0;width:max-content;max-width:min(46rem,calc(100vw - 2.5rem))}
th,td{padding:.34rem .7rem;text-align:right;white-space:nowrap;vertical-align:baseline;font-weight:400}
th.left,td.left{text-align:left}
thead th{color:var(--muted);font-size:.8125rem;border-bottom:1.5px solid var(--muted);vertical-align:bottom}
tbody tr{border-bottom:1px solid var(--line)}
tbody tr:last-child{border-bottom:1.5px solid var(--muted)}
tbody th{text-align:left}
th:first-child{position:sticky;left:0;background:var(--background);padding-left:0}
tr>:last-child{padding-right:.15rem}
tr.strong>*{font-weight:650}
tr.muted{color:var(--muted)}
.detail{color:var(--muted);font-size:.8125rem;font-weight:400}
figure{margin:0}
figcaption{margin:0 0 .3rem}
.multiples{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr));gap:1.6rem 2rem;margin-top:.6rem}
.multiples .chart-title{font-size:.9375rem}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin:.3rem 0 .5rem;padding:0;font-size:.875rem}
.legend li{display:flex;align-items:center;gap:.45rem}
.axis-label{color:var(--muted);font-size:.8125rem;margin:.5rem 0 .6rem}
.plot{padding:0 1rem 0 3rem}
.plot.bars{padding:.3rem .9rem 0 .9rem}
${CHART_STYLE}
.facts{columns:19rem 3;column-gap:2.5rem;margin:.5rem 0 0;font-size:.9375rem}
.facts div{display:flex;justify-content:space-between;gap:1rem;padding:.3rem 0;border-bottom:1px solid var(--line);break-inside:avoid}
.facts dt{color:var(--muted);white-space:nowrap}
.facts dd{margin:0;min-width:0;text-align:right;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:1rem}
footer dl{display:grid;grid-template-columns:auto 1fr;gap:.15rem 1rem;margin:.4rem 0 0}
footer dt{white-space:nowrap}
footer dd{margin:0;min-width:0;overflow-wrap:anywhere}
code{font:.8125rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
@media (max-width:30rem){
  main{padding:1.5rem 1rem 2rem}
  h2,.block{margin-top:2rem}
  caption span{max-width:calc(100vw - 2rem)}
  th,td{padding:.34rem .5rem}
  .plot{padding-left:2.6rem;padding-right:.6rem}
}
@media print{
  @page{margin:14mm}
  body{font-size:10.5pt}
  main{max-width:none;padding:0}
  *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
  .scroll{overflow:visible}
  table{font-size:9pt}
  th,td{padding:.28rem .45rem}
  th:first-child{position:static}
  .detail{font-size:8pt}
  .facts{font-size:9pt;columns:13rem 3}
  .highlights{grid-template-columns:repeat(auto-fit,minmax(7rem,1fr))}
  figure,.multiples>div,tr,.short,.highlights{break-inside:avoid}
  figure.many{break-inside:auto}
  h2,caption,figcaption,.block-title,.legend,.axis-label{break-after:avoid}
}
`;
