// Every bench, each in a process of its own, one after the other; then all ratios together.
//
//   npm run bench                              but for infer, which takes long: --infer
//   npm run bench -- --only start,optimizer
//
// Leaves bench/results.json, where a bench that ran replaces what it had found before, and the chart docs/performance.svg. A bench that
// fails is named at the end, and does not stop the others; one that misses what was wanted has not failed.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readCpu } from "../dist/processor.js";
import { performanceChart } from "./lib/chart.mjs";
import { printSummary } from "./lib/report.mjs";

const BENCHES = ["dispatch", "start", "optimizer", "prepare", "finetune", "train", "grid"];
const LONG = ["infer"];

const { values: flags } = parseArgs({
  options: { only: { type: "string" }, infer: { type: "boolean", default: false } },
});

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const FOLDER = join(ROOT, "build/bench");
const RESULTS = join(ROOT, "bench/results.json");
const CHART = join(ROOT, "docs/performance.svg");

const names = chosen();
const { model, cores, instructionSets } = readCpu();
process.stdout.write(`${model}, ${cores} cores, ${instructionSets.join(", ")}; Node ${process.versions.node}\n\n`);
mkdirSync(FOLDER, { recursive: true });
const outcomes = names.map((name) => ({ name, ...run(name) }));
const reports = outcomes.flatMap(({ report }) => report ?? []);
const all = { ...earlier(), ...Object.fromEntries(reports.map((report) => [report.bench, report])) };
writeFileSync(RESULTS, `${JSON.stringify(all, null, 2)}\n`);
writeFileSync(
  CHART,
  performanceChart(
    Object.values(all).flatMap(({ rows }) => rows),
    all.grid?.grid,
  ),
);
printSummary(reports);
const failed = outcomes.filter(({ failure }) => failure !== undefined);
for (const { name, failure } of failed) process.stdout.write(`${name}: ${failure}\n`);
process.exitCode = failed.length > 0 ? 1 : 0;

/** @throws Error naming one that is unknown */
function chosen() {
  const known = [...BENCHES, ...LONG];
  if (flags.only === undefined) return flags.infer ? known : BENCHES;
  const names = flags.only.split(",");
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0) return names;
  process.stderr.write(`--only: expected some of ${known.join(", ")}, got ${unknown.join(", ")}\n`);
  process.exit(2);
}

/** What a bench found, or why it found nothing. */
function run(name) {
  const out = join(FOLDER, `${name}.json`);
  rmSync(out, { force: true });
  const script = join(ROOT, "bench", `${name}.mjs`);
  if (!existsSync(script)) return { failure: `there is no bench/${name}.mjs` };
  process.stdout.write(`== ${name}\n`);
  const { status, signal } = spawnSync(process.execPath, [script, "--out", out], { stdio: "inherit" });
  if (status !== 0) return { failure: `ended with ${signal ?? `status ${status}`}: see above` };
  if (!existsSync(out)) return { failure: "wrote no report" };
  return { report: JSON.parse(readFileSync(out, "utf8")) };
}

/** What earlier runs found, by bench. */
function earlier() {
  return existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, "utf8")) : {};
}
