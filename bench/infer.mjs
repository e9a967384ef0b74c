// Limbeck's pipelines beside transformers.js on the same ONNX files, PyTorch, and ONNX Runtime's own quantiser: one run, equal
// threads, everybody in turns of a few texts, so that whatever else runs on the machine slows all of them alike.
//
//   npm run bench:infer                             the published shapes with random weights, made once in build/bench-infer
//   npm run bench:infer -- --student DIR --teacher DIR --out results.json        exported models of your own
//
// On a busy machine, --clock processor --threads 1 compares processor time, which others do not lengthen (threads that wait by
// spinning would: hence one). PyTorch and the quantiser where there is a Python with them ("npm run bench:rivals"). Ratios are of
// the times of a turn, each contestant's to the reference's in the same turn: their median, and the middle half of them.
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { madeUpPairs } from "../dist/experiments/measure/pairs.js";
import { physicalCores } from "../dist/processor.js";
import { ours, PythonContestants, theirs } from "./infer/contestants.mjs";
import { benchModels } from "./infer/models.mjs";
import { writeReport } from "./lib/report.mjs";
import { median, printTable, quartiles, ratioText } from "./lib/statistics.mjs";
import { ratiosOf, rotated } from "./lib/turns.mjs";

const { values: flags } = parseArgs({
  options: {
    student: { type: "string" },
    teacher: { type: "string" },
    pairs: { type: "string", default: "100" },
    sentences: { type: "string", default: "1000" },
    rounds: { type: "string", default: "3" },
    threads: { type: "string", default: String(physicalCores()) },
    clock: { type: "string", default: "wall" },
    out: { type: "string" },
  },
});
const [pairCount, sentenceCount, rounds, threads] = ["pairs", "sentences", "rounds", "threads"].map((name) =>
  Number(flags[name]),
);

/** Texts of a contestant's turn. */
const TURN = 5;
const LOADS = 5;
const MOST_LOAD_MS = 300;

const { student, teacher } = await benchModels(flags);
const python = new PythonContestants({ student, teacher, threads });
const texts = madeUpPairs(pairCount).map(({ first, second }) => `${first} ${second}`);

const details = {
  threads,
  clock: flags.clock,
  models: { student, teacher },
  batch1: await latencies(),
  throughput: await throughputs(),
  loading: loadings(),
};
await python.stop();
await writeReport("infer", rowsOf(details), { out: flags.out, details });

/** Milliseconds that something takes, by the clock that was chosen. */
async function timed(body) {
  const before = process.cpuUsage();
  const startMs = performance.now();
  const reported = await body(); // Python times itself.
  const wallMs = reported?.ms ?? performance.now() - startMs;
  const { user, system } = process.cpuUsage(before);
  return flags.clock === "processor" ? (reported?.processorMs ?? (user + system) / 1000) : wallMs;
}

/** Milliseconds for a text, one at a time. */
async function latencies() {
  const contestants = [
    await ours("student int8", student, { dtype: "int8", threads }),
    await ours("student int8, portable file", student, { dtype: "int8", fused: false, threads }),
    await theirs("student int8, transformers.js", student, { dtype: "q8", threads }),
    await ours("student fp32", student, { dtype: "fp32", threads }),
    await ours("student fp32, portable file", student, { dtype: "fp32", fused: false, threads }),
    await theirs("student fp32, transformers.js", student, { dtype: "fp32", threads }),
    await ours("teacher int8", teacher, { dtype: "int8", threads }),
    await ours("teacher fp32", teacher, { dtype: "fp32", threads }),
    ...(await python.quantised("student int8, ONNX Runtime's quantiser", threads)),
    ...python.torch(),
  ];
  const turns = await inTurns(contestants);
  const rows = contestants.map(({ name }) => ({
    name,
    medianMs: median(turns.get(name)),
    middleMs: quartiles(turns.get(name)),
  }));
  printTable(
    `One text at a time: ${texts.length} texts with the lengths of STS-B's pairs, ${threads} threads, ${flags.clock} time`,
    ["", "median ms", "middle half"],
    rows.map(({ name, medianMs, middleMs }) => [
      name,
      medianMs.toFixed(2),
      middleMs.map((ms) => ms.toFixed(2)).join(" to "),
    ]),
  );
  for (const { close } of contestants) await close?.();
  return { rows, turns: Object.fromEntries(turns) };
}

/** Every contestant has its turn with the same texts, in another order every time; a turn's first pass is not counted. */
async function inTurns(contestants) {
  const turns = new Map(contestants.map(({ name }) => [name, []]));
  for (const { run } of contestants) for (let i = 0; i < 3; i++) await run([texts[i]]);
  for (let start = 0, turn = 0; start + TURN <= texts.length; start += TURN, turn++) {
    const given = texts.slice(start, start + TURN);
    for (let i = 0; i < contestants.length; i++) {
      const { name, run } = contestants[(i + turn) % contestants.length];
      await run([given[0]]);
      turns.get(name).push((await timed(() => run(given))) / TURN);
    }
    process.stderr.write(`\r${start + TURN} of ${texts.length} texts `);
  }
  process.stderr.write("\r\x1b[K");
  return turns;
}

/** Sentences a second, of many whose lengths differ: half of them pairs, and some paragraphs. */
async function throughputs() {
  const sentences = madeUpPairs(sentenceCount).map(({ first, second }, i) =>
    i % 10 === 0 ? `${first} ${second} `.repeat(3) : i % 2 === 0 ? first : `${first} ${second}`,
  );
  const mine = await ours("ours", student, { dtype: "int8", fused: false, threads });
  const other = await theirs("", student, { dtype: "q8", threads });
  const inChunks = async (size) => {
    for (let at = 0; at < sentences.length; at += size)
      await other.run(sentences.slice(at, at + size), { together: true });
  };
  const ways = {
    "Limbeck, all at once": () => mine.run(sentences, { together: true }),
    "transformers.js, one at a time": () => inChunks(1),
    "transformers.js, 32 at a time": () => inChunks(32),
    "transformers.js, all at once": () => inChunks(sentences.length),
  };
  const seconds = new Map(Object.keys(ways).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, way] of rotated(Object.entries(ways), round)) {
      seconds.get(name).push((await timed(way)) / 1000);
      process.stderr.write(`\rround ${round + 1}: ${name} `);
    }
  }
  process.stderr.write("\r\x1b[K");
  for (const { close } of [mine, other]) await close?.();
  const [reference = []] = seconds.values();
  const rows = [...seconds].map(([name, each]) => ({
    name,
    perSecond: sentences.length / median(each),
    seconds: each,
    ratios: each.map((one, i) => one / reference[i]),
  }));
  printTable(
    `${sentences.length} sentences of mixed length, int8 student, the same file`,
    ["", "sentences/s", "time, to Limbeck's"],
    rows.map(({ name, perSecond, ratios }) => [name, perSecond.toFixed(1), ratioText(ratios)]),
  );
  return rows;
}

/** Milliseconds from a folder to a model that runs, each in a process of its own. */
function loadings() {
  const names = { "Limbeck, int8": "ours", "transformers.js, int8": "theirs" };
  const loads = new Map(Object.keys(names).map((name) => [name, []]));
  for (let i = 0; i < LOADS; i++) {
    for (const [name, who] of rotated(Object.entries(names), i)) {
      const script = new URL("infer/load.mjs", import.meta.url).pathname;
      loads
        .get(name)
        .push(
          Number(
            execFileSync(process.execPath, [script, who, student, String(threads), flags.clock], { encoding: "utf8" }),
          ),
        );
    }
  }
  const rows = [...loads].map(([name, ms]) => ({ name, medianMs: median(ms), ms }));
  printTable(
    "Loading the int8 student",
    ["", "median ms", "each"],
    rows.map(({ name, medianMs, ms }) => [name, medianMs.toFixed(0), ms.map((one) => one.toFixed(0)).join(" ")]),
  );
  return rows;
}

function rowsOf({ batch1: { turns }, throughput, loading }) {
  const row = (name, wanted, unit, ours, theirs) => ({
    ...{ name, unit, wanted, better: "higher", ours: median(ours), rival: theirs ? median(theirs) : null },
    ...{ ratios: theirs ? ratiosOf(theirs, ours) : [], missing: theirs ? null : python.missing },
  });
  const text = (name, wanted, fast, slow) => row(name, wanted, "ms", turns[fast], turns[slow]);
  const [mine, ...others] = throughput;
  const loadMs = loading[0].ms;
  return [
    text(
      "int8, one at a time, to transformers.js on the same file",
      1,
      "student int8, portable file",
      "student int8, transformers.js",
    ),
    text(
      "fp32, one at a time, to transformers.js on the same file",
      1,
      "student fp32, portable file",
      "student fp32, transformers.js",
    ),
    ...others.map(({ name, seconds }) => row(`mixed lengths, to ${name}`, 1.5, "s", mine.seconds, seconds)),
    text("student to teacher, int8", 2, "student int8", "teacher int8"),
    text("student to teacher, fp32", 2, "student fp32", "teacher fp32"),
    text("int8 to PyTorch fp32", 4.5, "student int8", "student fp32, PyTorch"),
    text("int8 to PyTorch bf16", 1, "student int8", "student bf16, PyTorch"),
    text("int8 to the file of ONNX Runtime's quantiser", 1.2, "student int8", "student int8, ONNX Runtime's quantiser"),
    {
      ...{ name: "loading int8", unit: "ms", wanted: 1, better: "lower", ours: median(loadMs) },
      ...{ rival: MOST_LOAD_MS, against: "the limit", ratios: loadMs.map((ms) => ms / MOST_LOAD_MS) },
    },
  ];
}
