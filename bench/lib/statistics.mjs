// Figures of benches, and their tables.
import { formatTable, numberColumns } from "../../dist/pages/table.js";

export function median(values) {
  return quantile(values, 0.5);
}

/** Where the middle half of them lies. */
export function quartiles(values) {
  return [quantile(values, 0.25), quantile(values, 0.75)];
}

/** `2.11 × (2.05 to 2.20)` */
export function ratioText(ratios) {
  const [low, high] = quartiles(ratios);
  return `${median(ratios).toFixed(2)} × (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

export function printTable(caption, [first, ...labels], rows) {
  const table = { caption, columns: numberColumns(first, labels), rows: rows.map((cells) => ({ cells })), notes: [] };
  process.stdout.write(`${formatTable(table)}\n\n`);
}

function quantile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
}
