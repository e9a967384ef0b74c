// Fine-tuning DistilBERT-base beside transformers on PyTorch: examples a second over the same examples, with clipping and AdamW.
//
//   npm run bench:finetune -- --rounds 5 --only sst2
//
// The rival runs in bf16 by autocast, with glibc told to keep memory (as it comes it is slower: bench/train.mjs), fused AdamW, and
// each batch padded to its own longest. "Grouped" is given Limbeck's batches of like length, as group_by_length of its trainer makes.
import { parseArgs } from "node:util";
import { physicalCores } from "../dist/processor.js";
import { WORKLOADS } from "./finetune/workloads.mjs";
import { writeReport } from "./lib/report.mjs";
import { RivalProcess, rivalPython } from "./lib/rivals.mjs";
import { median } from "./lib/statistics.mjs";
import { ratiosOf, takeTurns } from "./lib/turns.mjs";
import { KEEP_MEMORY } from "./train/workloads.mjs";

const { values: flags } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string", default: "3" },
    threads: { type: "string", default: String(physicalCores()) },
    out: { type: "string" },
  },
});
const threads = Number(flags.threads);
const { python, missing = null } = rivalPython(["torch", "transformers"]);
const chosen = flags.only?.split(",") ?? WORKLOADS.map(({ name }) => name);
const rows = [];
for (const workload of WORKLOADS.filter(({ name }) => chosen.includes(name))) rows.push(...(await rowsOf(workload)));
await writeReport("finetune", rows, { out: flags.out });

async function rowsOf({ name, kind, features, batch, wanted, isGroupedToo }) {
  const args = [JSON.stringify({ kind, batch, threads })];
  const ours = new RivalProcess(process.execPath, new URL("finetune/ours.mjs", import.meta.url), { args });
  const own = await ours.ask({ features }); // The batches that it makes, as lists of features.
  const examples = features.length;
  const contestants = [{ name: "Limbeck", run: async () => examples / (await ours.ask({ epoch: true })).seconds }];
  let rival = null;
  if (python !== undefined) {
    rival = new RivalProcess(python, new URL("finetune/rival.py", import.meta.url), { args, env: KEEP_MEMORY });
    await rival.ask({ features });
    const shuffled = Array.from({ length: Math.ceil(examples / batch) }, (_, i) =>
      Array.from({ length: Math.min(batch, examples - i * batch) }, (_, j) => i * batch + j),
    );
    const epoch = (batches) => async () => examples / (await rival.ask({ batches })).seconds;
    contestants.push({ name: "PyTorch", run: epoch(shuffled) });
    if (isGroupedToo) contestants.push({ name: "PyTorch, grouped", run: epoch(own.batches) });
  }
  const speeds = await takeTurns(contestants, Number(flags.rounds));
  const memory = rival === null ? null : { ours: ours.peakBytes() / 1e9, rival: rival.peakBytes() / 1e9 };
  await ours.stop();
  await rival?.stop();
  const mine = speeds.get("Limbeck");
  const against = isGroupedToo ? ["PyTorch", "PyTorch, grouped"] : ["PyTorch"];
  const compared = against.map((other) => {
    const theirs = speeds.get(other) ?? null;
    return {
      ...{ name, ours: median(mine), unit: "examples/s", better: "higher", against: other, missing },
      ...{ rival: theirs && median(theirs), ratios: theirs === null ? [] : ratiosOf(mine, theirs) },
      wanted: other === "PyTorch" ? wanted : null,
    };
  });
  if (memory === null) return compared;
  const peak = { name: `${name}, peak memory`, unit: "GB", better: "lower", against: "PyTorch", ...memory };
  return [...compared, { ...peak, ratios: [memory.ours / memory.rival] }];
}
