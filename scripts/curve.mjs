// Draws loss over tokens as an SVG that reads in light and dark.

const width = 720;
const height = 320;
const margin = { left: 52, right: 32, top: 36, bottom: 40 };
const colours = ["#4477aa", "#228833", "#aa3377", "#b8860b"];

/** @param points {name, tokens, loss} in order; a line for each name */
export function curve(points, { title }) {
  const most = Math.max(...points.map(({ tokens }) => tokens));
  const [low, high] = [
    Math.floor(Math.min(...points.map(({ loss }) => loss))),
    Math.ceil(Math.max(...points.map(({ loss }) => loss))),
  ];
  const x = (tokens) => margin.left + (tokens / most) * (width - margin.left - margin.right);
  const y = (loss) => margin.top + ((high - loss) / (high - low)) * (height - margin.top - margin.bottom);
  const names = [...new Set(points.map(({ name }) => name))];
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => low + i);
  const line = (name) =>
    points
      .filter((point) => point.name === name)
      .map(({ tokens, loss }) => `${x(tokens).toFixed(1)},${y(loss).toFixed(1)}`)
      .join(" ");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" role="img" aria-label="${title}">
<style>text{fill:#555}.grid{stroke:#999;stroke-opacity:.3}@media(prefers-color-scheme:dark){text{fill:#bbb}}</style>
<text x="${margin.left}" y="20" font-size="14">${title} (nats)</text>
${ticks.map((loss) => `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${y(loss)}" y2="${y(loss)}"/><text x="${margin.left - 8}" y="${y(loss) + 4}" text-anchor="end">${loss}</text>`).join("\n")}
${[0, 0.25, 0.5, 0.75, 1].map((share) => `<text x="${x(share * most)}" y="${height - 16}" text-anchor="middle">${((share * most) / 1e6).toFixed(1)} M</text>`).join("\n")}
<text x="${width / 2}" y="${height - 2}" text-anchor="middle">tokens seen</text>
${names.map((name, i) => `<polyline fill="none" stroke="${colours[i % colours.length]}" stroke-width="2" points="${line(name)}"/><text x="${width - margin.right - 90}" y="${margin.top + 14 + 16 * i}" style="fill:${colours[i % colours.length]}">${name}</text>`).join("\n")}
</svg>
`;
}
