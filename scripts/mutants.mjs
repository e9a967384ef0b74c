#!/usr/bin/env node
// Puts small errors into the files where a silent one hurts most, one at a time, and asks their tests whether they
// notice. The errors go into a copy of the tree below build/mutants/, never into the tree itself.
//
//   npm run mutants -- --sample 100 --seed 1     a hundred of them, always the same
//   npm run mutants -- --only masking            all of those in files whose path holds "masking"
//   npm run mutants -- --survivors               again those that nobody noticed the last time
//
// Answers are kept in build/mutants/report.json. What was noticed stays so while the file is the same; what was not is
// asked again when tests have changed. --again asks for all.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { mutantsOf } from "./mutants/operators.mjs";
import { importsBelow, testsOf } from "./mutants/tests-of.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDER = join(ROOT, "build/mutants");
const TREE = join(FOLDER, "tree");
const REPORT = join(FOLDER, "report.json");

/** Where a silent error hurts most: names of files, wherever they stand in src/. */
const NAMES = [
  ...["losses", "vocabulary-losses", "loop", "loop-state", "objective", "micro-batch", "evaluate-held-out"],
  ...["distill-objective", "student", "task-objective", "task-batches"],
  ...["adamw", "clip", "flat-parameters", "schedules"],
  ...["masking", "masked-batches", "sequences", "order", "philox", "shard", "held-out"],
  ...[
    "answers",
    "metrics",
    "squad-metrics",
    "family",
    "families",
    "model-inputs",
    "quantise",
    "trim",
    "trim-vocabulary",
  ],
  ...["checkpoints", "atomic-files", "safetensors", "safetensors-header"],
];

const { values: options } = parseArgs({
  options: {
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    survivors: { type: "boolean", default: false },
    again: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
  },
});

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const read = (path) => readFileSync(join(ROOT, path), "utf8");
const imports = importsBelow(ROOT);
const TARGETS = NAMES.flatMap((name) => {
  const files = [...imports.keys()].filter((file) => file.startsWith("src/") && basename(file) === `${name}.ts`);
  if (files.length === 0) throw new Error(`scripts/mutants.mjs: src/ has no ${name}.ts: it was renamed. Name it anew.`);
  return files;
});
const sources = new Map(TARGETS.map((target) => [target, read(target)]));
const testsBy = new Map(TARGETS.map((target) => [target, testsOf(target, imports)]));

/** All mutants, by a name that follows from the file; `state` is that of their tests. */
function allMutants() {
  return TARGETS.flatMap((target) => {
    const source = sources.get(target);
    const state = sha256([source, ...testsBy.get(target).map(read)].join("\0"));
    return mutantsOf(target, source).map((mutant) => {
      const { start, end, replacement, operator } = mutant;
      const place = { target, line: source.slice(0, start).split("\n").length, operator };
      return {
        ...place,
        from: source.slice(start, end),
        to: replacement,
        start,
        end,
        id: sha256(JSON.stringify([target, sha256(source), start, end, replacement])).slice(0, 16),
        state,
      };
    });
  });
}

/** In an order that follows from the seed alone: that of the hashes. */
function shuffled(mutants, seed) {
  const key = ({ target, start, end, to }) => sha256(JSON.stringify([seed, target, start, end, to]));
  return mutants
    .map((mutant) => [key(mutant), mutant])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, mutant]) => mutant);
}

function copyTree() {
  rmSync(TREE, { recursive: true, force: true });
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  for (const path of listed.split("\0").filter((path) => path !== "" && existsSync(join(ROOT, path)))) {
    mkdirSync(dirname(join(TREE, path)), { recursive: true });
    cpSync(join(ROOT, path), join(TREE, path));
  }
  for (const path of ["node_modules", "dist"]) {
    if (existsSync(join(ROOT, path))) symlinkSync(join(ROOT, path), join(TREE, path));
  }
  // The addon too: it may be built anew in the meantime, for other sources than these.
  const engine = JSON.parse(read("build/engine.json"));
  mkdirSync(join(TREE, "build"));
  cpSync(engine.addon, join(TREE, "build/limbeck.node"));
  writeFileSync(
    join(TREE, "build/engine.json"),
    JSON.stringify({ ...engine, addon: join(TREE, "build/limbeck.node") }),
  );
}

let child = null;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    stopChild();
    process.exit(130);
  });
}

function stopChild() {
  if (child !== null) process.kill(-child.pid, "SIGKILL"); // With the processes that the tests started.
}

/** Runs tests in the copy until one fails. */
function runTests(tests, limitMs) {
  const command = [
    join(TREE, "node_modules/vitest/vitest.mjs"),
    "run",
    ...tests,
    "--bail=1",
    "--maxWorkers=1",
    "--no-file-parallelism",
  ];
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    child = spawn(process.execPath, command, {
      cwd: TREE,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, LIMBECK_THREADS: "1", NO_COLOR: "1" },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      stopChild();
    }, limitMs);
    child.on("close", (status) => {
      clearTimeout(timer);
      child = null;
      const by = /^ *FAIL +(.+)$/m.exec(output)?.[1] ?? /^.*Unhandled .+$/m.exec(output)?.[0] ?? null;
      const hasRun = isLate || status === 0 || by !== null;
      if (!hasRun) return reject(new Error(`the tests did not run, ${tests.join(" ")}:\n${output.slice(-2000)}`));
      resolve({
        outcome: isLate ? "late" : status === 0 ? "survived" : "noticed",
        by,
        ms: performance.now() - startMs,
        output,
      });
    });
  });
}

/** How long a test takes without an error; null where it fails even so, and cannot be asked. */
const baselines = new Map();
async function baselineMs(test) {
  if (!baselines.has(test)) {
    const { outcome, ms, output } = await runTests([test], 600_000);
    if (outcome !== "survived") console.log(`${test} fails without an error, and is left out:\n${output.slice(-2000)}`);
    baselines.set(test, outcome === "survived" ? ms : null);
  }
  return baselines.get(test);
}

/** The closest test is asked first, which most errors do not pass; endless loops are noticed by their time. */
async function ask({ target, start, end, to }) {
  const source = sources.get(target);
  const [closest, ...others] = testsBy.get(target);
  let asked = 0;
  try {
    for (const some of [[closest], others]) {
      const tests = [];
      let limitMs = 15_000;
      for (const test of some) {
        const ms = await baselineMs(test);
        if (ms === null) continue;
        tests.push(test);
        limitMs += 4 * ms;
      }
      if (tests.length === 0) continue;
      asked += tests.length;
      writeFileSync(join(TREE, target), source.slice(0, start) + to + source.slice(end));
      const { outcome, by } = await runTests(tests, limitMs);
      writeFileSync(join(TREE, target), source);
      if (outcome !== "survived") return { outcome, by: by ?? tests.join(" ") };
    }
    if (asked === 0) throw new Error(`${target}: no test of it passes without an error. Mend them first.`);
    return { outcome: "survived", by: null };
  } finally {
    writeFileSync(join(TREE, target), source);
  }
}

function readReport() {
  return existsSync(REPORT)
    ? new Map(JSON.parse(readFileSync(REPORT, "utf8")).map((each) => [each.id, each]))
    : new Map();
}

function writeReport(answers) {
  mkdirSync(dirname(REPORT), { recursive: true });
  writeFileSync(`${REPORT}.partial`, `${JSON.stringify([...answers.values()], null, 1)}\n`);
  renameSync(`${REPORT}.partial`, REPORT);
}

const wordsOf = ({ target, line, operator, from, to }) =>
  `${target}:${line}  ${operator}  ${JSON.stringify(from.slice(0, 60))} -> ${JSON.stringify(to.slice(0, 60))}`;

async function main() {
  const answers = readReport();
  let mutants = shuffled(allMutants(), options.seed).filter(({ target }) => target.includes(options.only ?? ""));
  if (options.sample !== undefined) mutants = mutants.slice(0, Number(options.sample));
  if (options.survivors) mutants = mutants.filter(({ id }) => answers.get(id)?.outcome === "survived");
  if (options.list) return console.log([...mutants.map(wordsOf), `${mutants.length} mutants`].join("\n"));
  copyTree();
  for (const [i, mutant] of mutants.entries()) {
    const known = answers.get(mutant.id);
    const isKnown = known !== undefined && (known.state === mutant.state || known.outcome !== "survived");
    if (!isKnown || options.again) {
      const { start: _, end: __, ...kept } = mutant;
      answers.set(mutant.id, { ...kept, ...(await ask(mutant)) });
      writeReport(answers);
    }
    const { outcome, by } = answers.get(mutant.id);
    console.log(
      `${i + 1}/${mutants.length}  ${outcome.padEnd(8)}  ${wordsOf(mutant)}${by === null ? "" : `  by ${by}`}`,
    );
  }
  const survivors = mutants.filter(({ id }) => answers.get(id).outcome === "survived");
  console.log(
    `\n${mutants.length - survivors.length} of ${mutants.length} noticed (${((100 * (mutants.length - survivors.length)) / mutants.length).toFixed(1)} %)`,
  );
  for (const mutant of survivors) console.log(`  ${wordsOf(mutant)}`);
}

await main();
