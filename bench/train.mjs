// Distilling BERT-base into DistilBERT-base beside transformers on PyTorch: forward passes, losses and backward pass of a micro-batch,
// and an optimizer step's share of one fiftieth, as in the authors' accumulation of 50 micro-batches.
//
//   npm run bench:train                                   all workloads, some twenty minutes
//   npm run bench:train -- --only 8x128,small --rounds 5
//
// Rivals, each in a process of its own, with the same tokens, lengths and masks, warm, in turns:
//   A         transformers on PyTorch in bf16 by autocast, as it comes
//   B         the same with glibc told to keep memory: most of A's time is page faults
//   B, bf16   B with the teacher's weights in bf16
//   B, f32    B without autocast, beside Limbeck in f32
//
// The floor is the time that the products take at the rate measured in the same process: of libtorch's own, in bf16, [1024, 768] by
// [768, 3072].
import { parseArgs } from "node:util";
import { physicalCores } from "../dist/processor.js";
import { writeReport } from "./lib/report.mjs";
import { RivalProcess, rivalPython } from "./lib/rivals.mjs";
import { median } from "./lib/statistics.mjs";
import { rotated } from "./lib/turns.mjs";
import { flopsOf, plain, randomBatch } from "./train/batches.mjs";
import { KEEP_MEMORY, WORKLOADS } from "./train/workloads.mjs";

const { values: flags } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string", default: "3" },
    threads: { type: "string", default: String(physicalCores()) },
    out: { type: "string" },
  },
});
const threads = Number(flags.threads);
/** Micro-batches of an optimizer step. */
const ACCUMULATED = 50;

const { python, missing = null } = rivalPython(["torch", "transformers"]);
const rivalScript = new URL("train/rival.py", import.meta.url);
const rival = (options, env) => (settings) =>
  new RivalProcess(python, rivalScript, { args: [JSON.stringify({ ...settings, ...options })], env });
const CONTESTANTS = {
  ours: (settings) =>
    new RivalProcess(process.execPath, new URL("train/ours.mjs", import.meta.url), {
      args: [JSON.stringify(settings)],
    }),
  A: rival({}, {}),
  B: rival({}, KEEP_MEMORY),
  "B, bf16 teacher": rival({ teacherInBf16: true }, KEEP_MEMORY),
};

const chosen = flags.only?.split(",") ?? WORKLOADS.map(({ name }) => name);
const rows = [];
for (const workload of WORKLOADS.filter(({ name }) => chosen.includes(name))) rows.push(...(await rowsOf(workload)));
await writeReport("train", rows, { out: flags.out });

/** Each contestant's figures in each round; a process for each, since together they do not fit in memory. */
async function measure({ shape, precision, batches, warmUp }, names) {
  const made = batches.map((lengths, i) => randomBatch(lengths, { vocabSize: shape.vocabSize, seed: i + 1 }));
  const tokens = made.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
  const figures = new Map(names.map((name) => [name, []]));
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const name of rotated(names, round)) {
      process.stderr.write(`round ${round + 1}: ${name}\n`);
      const contestant = CONTESTANTS[name]({ shape, precision, threads });
      const seconds = await contestant.ask({ request: "microBatches", batches: made.map(plain), warmUp });
      const peakBytes = contestant.peakBytes();
      const steps = await contestant.ask({ request: "optimizer", steps: 3 });
      const flops = name === "ours" ? await contestant.ask({ request: "productRate" }) : null;
      await contestant.stop();
      const perBatch = seconds.reduce((sum, each) => sum + each, 0) / seconds.length + median(steps) / ACCUMULATED;
      figures.get(name).push({ tokensPerSecond: tokens / made.length / perBatch, peakBytes, flops });
    }
  }
  return {
    figures,
    flopsPerToken: batches.flat().reduce((sum, length) => sum + length * flopsOf(shape, length), 0) / tokens,
  };
}

async function rowsOf(workload) {
  const rivals = python === undefined ? [] : workload.rivals;
  const { figures, flopsPerToken } = await measure(workload, ["ours", ...rivals.map(({ name }) => name)]);
  const of = (name, figure) => figures.get(name)?.map((one) => one[figure]) ?? [];
  const speeds = of("ours", "tokensPerSecond");
  const row = { name: workload.name, ours: median(speeds), unit: "tokens/s", better: "higher" };
  const rows = workload.rivals.map(({ name, wanted }) => {
    const theirs = of(name, "tokensPerSecond");
    return {
      ...{ ...row, against: `${name}`, wanted, missing },
      rival: theirs.length === 0 ? null : median(theirs),
      ratios: theirs.map((each, i) => speeds[i] / each),
    };
  });
  if (workload.floorWanted !== null) {
    const floors = of("ours", "flops").map((flops) => flops / flopsPerToken);
    const ratios = speeds.map((speed, i) => speed / floors[i]);
    rows.push({ ...row, against: "the products' floor", rival: median(floors), ratios, wanted: workload.floorWanted });
  }
  const memory = of("B", "peakBytes");
  if (memory.length > 0) {
    const own = of("ours", "peakBytes");
    const ratios = own.map((bytes, i) => bytes / memory[i]);
    const figures = { ours: median(own) / 1e9, rival: median(memory) / 1e9, unit: "GB" };
    rows.push({
      ...row,
      ...figures,
      name: `${workload.name}, peak memory`,
      against: "B",
      ratios,
      wanted: 0.5,
      better: "lower",
    });
  }
  return rows;
}
