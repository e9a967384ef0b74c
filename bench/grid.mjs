// What a token of distilling BERT-base costs, by the sequences of a micro-batch and their length: Limbeck alone, in bf16.
//
//   npm run bench:grid
import { parseArgs } from "node:util";
import { physicalCores } from "../dist/processor.js";
import { writeReport } from "./lib/report.mjs";
import { RivalProcess } from "./lib/rivals.mjs";
import { median, printTable } from "./lib/statistics.mjs";
import { plain, randomBatch } from "./train/batches.mjs";
import { BASE } from "./train/workloads.mjs";

const SEQUENCES = [2, 4, 8, 16, 32, 64];
const LENGTHS = [64, 128, 256, 512];
/** A cell is measured over about so many tokens, but five micro-batches at most. */
const TOKENS = 8192;

const { values: flags } = parseArgs({
  options: { threads: { type: "string", default: String(physicalCores()) }, out: { type: "string" } },
});
const threads = Number(flags.threads);
const settings = { shape: BASE, precision: "bfloat16", threads };
const ours = new RivalProcess(process.execPath, new URL("train/ours.mjs", import.meta.url), {
  args: [JSON.stringify(settings)],
});
const microseconds = [];
for (const count of SEQUENCES) {
  const row = [];
  for (const length of LENGTHS) {
    const batch = plain(randomBatch(Array(count).fill(length), { vocabSize: BASE.vocabSize, seed: 1 }));
    const repeats = Math.max(1, Math.min(5, Math.floor(TOKENS / (count * length))));
    const seconds = await ours.ask({
      request: "microBatches",
      batches: Array(repeats).fill(batch),
      warmUp: repeats > 1 ? 1 : 0,
    });
    row.push((1e6 * median(seconds)) / (count * length));
    process.stderr.write(`${count} × ${length}: ${row.at(-1).toFixed(0)} µs a token\n`);
  }
  microseconds.push(row);
}
await ours.stop();
printTable(
  `Microseconds a token, ${threads} threads: sequences of a micro-batch down, their tokens across`,
  ["", ...LENGTHS.map(String)],
  SEQUENCES.map((count, i) => [String(count), ...microseconds[i].map((one) => one.toFixed(0))]),
);
await writeReport("grid", [], {
  out: flags.out,
  details: { grid: { sequences: SEQUENCES, lengths: LENGTHS, microseconds } },
});
