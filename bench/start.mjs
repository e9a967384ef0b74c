// Seconds from the shell to a command's first words, and to its first real work: what it takes to load and to look at what
// was given, ending in the error that there is nothing there.
//
//   npm run bench:start -- --runs 9 --out start.json
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runNode } from "./lib/commands.mjs";
import { writeReport } from "./lib/report.mjs";
import { median } from "./lib/statistics.mjs";
import { takeTurns } from "./lib/turns.mjs";

const { values: flags } = parseArgs({ options: { runs: { type: "string", default: "9" }, out: { type: "string" } } });

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const MOST_FOR_WORDS = 0.15;
const MOST_FOR_WORK = 0.5;

/** The arguments of node, and the seconds that they may take. */
const STARTS = {
  "node alone, for scale": { args: ["--eval", "0"], most: null },
  "limbeck --help": { args: [MAIN, "--help"], most: MOST_FOR_WORDS },
  "limbeck --version": { args: [MAIN, "--version"], most: MOST_FOR_WORDS },
  "limbeck distill --help": { args: [MAIN, "distill", "--help"], most: MOST_FOR_WORDS },
  "limbeck recipes": { args: [MAIN, "recipes"], most: MOST_FOR_WORK },
  "limbeck doctor, its products included": { args: [MAIN, "doctor"], most: MOST_FOR_WORK },
  "limbeck prepare, nothing there": {
    args: [MAIN, "prepare", "nowhere", "--tokenizer", "nowhere", "--out", "nowhere-out"],
    most: MOST_FOR_WORK,
  },
  "limbeck distill, nothing there": {
    args: [MAIN, "distill", "--data", "nowhere", "--out", "nowhere-out"],
    most: MOST_FOR_WORK,
  },
  "limbeck finetune, nothing there": {
    args: [MAIN, "finetune", "--model", "nowhere", "--task", "sst2", "--data", "nowhere", "--out", "nowhere-out"],
    most: MOST_FOR_WORK,
  },
  "limbeck predict, nothing there": { args: [MAIN, "predict", "--model", "nowhere", "text"], most: MOST_FOR_WORK },
};

// In a folder where "nowhere" is not.
const starts = Object.entries(STARTS).map(([name, { args }]) => ({
  name,
  run: () => runNode(args, { cwd: tmpdir(), mayFail: true }),
}));
const turns = await takeTurns(starts, Number(flags.runs));
await writeReport("start", [...turns].flatMap(rowsOf), flags);

function rowsOf([name, runs]) {
  const { most } = STARTS[name];
  const walls = runs.map(({ ms }) => ms / 1000);
  const processors = runs.map(({ processorMs }) => processorMs / 1000);
  const limit =
    most === null ? {} : { rival: most, against: "the limit", ratios: walls.map((wall) => wall / most), wanted: 1 };
  return [
    { name, ours: median(walls), unit: "s", better: "lower", ...limit },
    { name: `${name}: processor`, ours: median(processors), unit: "s", better: "lower" },
  ];
}
