// Seconds from the shell to a command's first words, and to its first real work: what it takes to load and to look at what
// was given, ending in the error that there is nothing there.
//
//   npm run bench:start -- --runs 9 --out start.json
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
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

const starts = Object.entries(STARTS).map(([name, { args }]) => ({ name, run: () => secondsOf(args) }));
const seconds = await takeTurns(starts, Number(flags.runs));
await writeReport("start", [...seconds].flatMap(rowsOf), flags);

/** Seconds by the clock, and of the processor, which another process does not lengthen; bash measures its children. */
function secondsOf(args) {
  const script = 'TIMEFORMAT="%R %U %S"; time "$@" >&3 2>&3; exit 0';
  const text = execFileSync(
    "bash",
    ["-c", `exec 3>/dev/null; { ${script}; } 2>&1`, "bash", process.execPath, ...args],
    {
      cwd: tmpdir(), // Where "nowhere" is not.
      encoding: "utf8",
    },
  );
  const [wall, user, system] = text.trim().split(" ").map(Number);
  return { wall, processor: user + system };
}

function rowsOf([name, runs]) {
  const { most } = STARTS[name];
  const walls = runs.map(({ wall }) => wall);
  const processors = runs.map(({ processor }) => processor);
  const limit =
    most === null ? {} : { rival: most, against: "the limit", ratios: walls.map((wall) => wall / most), wanted: 1 };
  return [
    { name, ours: median(walls), unit: "s", better: "lower", ...limit },
    { name: `${name}: processor`, ours: median(processors), unit: "s", better: "lower" },
  ];
}
