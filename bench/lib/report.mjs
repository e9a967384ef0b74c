// What a bench found, in the same words for all of them: a table for people, and with --out a file for bench/all.mjs.
import { writeFileSync } from "node:fs";
import { readCpu } from "../../dist/processor.js";
import { median, printTable, ratioText } from "./statistics.mjs";

/**
 * Prints the rows of a bench, and writes them to a file where one is named.
 *
 * A row:
 * - `name`    what was measured
 * - `ours`    our figure, in `unit`: a median
 * - `rival`   that of `against`, in the same unit; null where there is none
 * - `against` whom or what it stands beside: "PyTorch", "memory traffic", "the limit"
 * - `missing` why `rival` is null, in words
 * - `unit`    "ms", "MB/s"
 * - `ratios`  one a turn, none where nothing was compared: how many times as fast as the rival we are, or how many
 *             times the floor or the limit our cost is
 * - `better`  "higher" or "lower", of the ratios
 * - `wanted`  the ratio to reach, "higher", or not to pass, "lower"; null where nobody promised one
 *
 * @param bench   its name, that of its file
 * @param out     the file, or undefined
 * @param details what else the file is to hold
 */
export async function writeReport(bench, rows, { out, details = {} } = {}) {
  const report = {
    bench,
    machine: readCpu(),
    torch: await torchVersion(),
    ...times(),
    rows: rows.map((row) => complete(bench, row)),
  };
  printReport(report);
  if (out !== undefined) writeFileSync(out, `${JSON.stringify({ ...report, ...details }, null, 2)}\n`);
}

export function printReport({ bench, machine, torch, node, rows }) {
  const { model, cores, loadAverage } = machine;
  printTable(
    `${bench}: ${model}, ${cores} cores, load ${loadAverage.toFixed(1)}; libtorch ${torch}, Node ${node}`,
    ["", "ours", "rival", "", "ratio, middle half", "wanted", ""],
    rows.map((row) => [
      row.name,
      figureText(row.ours, row.unit),
      row.rival === null ? "" : figureText(row.rival, row.unit),
      row.against,
      row.ratios.length === 0 ? "" : ratioText(row.ratios),
      wantedText(row),
      verdictOf(row),
    ]),
  );
  const reasons = new Set(rows.map(({ missing }) => missing).filter((missing) => missing !== null));
  for (const reason of reasons) process.stdout.write(`not compared: ${reason}\n\n`);
}

/** Every ratio of several benches, in one table. */
export function printSummary(reports) {
  const compared = reports
    .flatMap(({ rows }) => rows)
    .filter(({ ratios, wanted }) => ratios.length > 0 || wanted !== null);
  printTable(
    "All ratios",
    ["", "", "ratio, middle half", "wanted", ""],
    compared.map((row) => [
      `${row.bench}: ${row.name}`,
      row.against,
      row.ratios.length === 0 ? "" : ratioText(row.ratios),
      wantedText(row),
      verdictOf(row),
    ]),
  );
}

/** "met", "MISSED", "not measured", or nothing where nothing was wanted. */
export function verdictOf({ ratios, wanted, better }) {
  if (wanted === null) return "";
  if (ratios.length === 0) return "not measured";
  const ratio = median(ratios);
  return (better === "higher" ? ratio >= wanted : ratio <= wanted) ? "met" : "MISSED";
}

export function wantedText({ wanted, better }) {
  return wanted === null ? "" : `${better === "higher" ? "≥" : "≤"} ${wanted}`;
}

/** Three figures, whatever the size: a median of microseconds and one of tokens a second stand in one table. */
export function figureText(value, unit) {
  if (value === null) return "";
  const text = Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
  return `${text} ${unit}`;
}

function complete(
  bench,
  { rival = null, against = "", missing = null, ratios = [], wanted = null, better = "higher", ...row },
) {
  return { bench, ...row, rival, against, missing, ratios, wanted, better };
}

function times() {
  return { node: process.versions.node, date: new Date().toISOString() };
}

/** Looked up at the end: the engine reads its threads when it is loaded, which is the bench's own affair. */
async function torchVersion() {
  const { engineInfo } = await import("../../dist/engine/tensor/device.js");
  return engineInfo().torchVersion;
}
