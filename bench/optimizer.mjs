// Milliseconds of one AdamW step over DistilBERT-base, beside what its memory traffic takes and beside PyTorch's fused AdamW.
//
//   npm run bench:optimizer -- --rounds 9 --out optimizer.json
//
// A step reads values, gradients and both moments, and writes all but the gradients: seven streams, 28 bytes a parameter. Their
// floor is measured on the same buffers, by libtorch's own in-place ops with the same reads and writes: values += gradients is
// two and one, and a multiplication of each moment is one and one.
import { parseArgs } from "node:util";
import { physicalCores, useThreads } from "../dist/processor.js";
import { writeReport } from "./lib/report.mjs";
import { RivalProcess, rivalPython } from "./lib/rivals.mjs";
import { median } from "./lib/statistics.mjs";
import { ratiosOf, takeTurns } from "./lib/turns.mjs";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    threads: { type: "string", default: String(physicalCores()) },
    out: { type: "string" },
  },
});
const threads = Number(flags.threads);
useThreads(threads);
const { distilBertBase } = await import("../dist/families/distilbert.js");
const { MaskedLm } = await import("../dist/models/masked-lm.js");
const { AdamW } = await import("../dist/engine/optim/adamw.js");
const { FlatParameters } = await import("../dist/engine/optim/flat-parameters.js");
const { noGrad } = await import("../dist/engine/tensor/autograd.js");

const LEARNING_RATE = 1e-5;
const STEPS_PER_TURN = 3;
const BYTES_PER_PARAMETER = 28;
const OPTIONS = { beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0.01 };

const parameters = new FlatParameters(new MaskedLm(distilBertBase));
const optimizer = new AdamW(parameters, OPTIONS);
parameters.gradients.add_(1e-3);
optimizer.step(LEARNING_RATE); // Moments of 0 would be denormal numbers soon, or no work at all.

const OURS = "AdamW step, DistilBERT-base";
const TRAFFIC = "its memory traffic";
const THEIRS = "torch.optim.AdamW, fused";
const contestants = [
  { name: OURS, run: () => timed(() => optimizer.step(LEARNING_RATE)) },
  { name: TRAFFIC, run: () => timed(stream) },
];
const { python, missing = null } = rivalPython(["torch"]);
const rival = python === undefined ? null : new RivalProcess(python, new URL("optimizer.py", import.meta.url));
if (rival !== null) {
  const shapes = [...parameters.slices.values()].map(({ offset, shape }) => ({
    shape,
    decays: offset < parameters.decayEnd,
  }));
  await rival.ask({ shapes, threads, learningRate: LEARNING_RATE, ...OPTIONS });
  contestants.push({ name: THEIRS, run: async () => (await rival.ask({ steps: STEPS_PER_TURN })).ms });
}
const ms = await takeTurns(contestants, Number(flags.rounds));
await rival?.stop();

const [ours, traffic, theirs] = [OURS, TRAFFIC, THEIRS].map((name) => ms.get(name) ?? null);
const bytes = BYTES_PER_PARAMETER * parameters.trainableEnd;
const name = `${OURS}, ${threads} ${threads === 1 ? "thread" : "threads"}`;
const speed = bytes / 1e6 / median(traffic);
await writeReport(
  "optimizer",
  [
    {
      ...{ name, ours: median(ours), unit: "ms", better: "lower", wanted: 1.5 },
      ...{ rival: median(traffic), against: `${TRAFFIC} at ${speed.toFixed(1)} GB/s`, ratios: ratiosOf(ours, traffic) },
    },
    {
      ...{ name, ours: median(ours), unit: "ms", better: "higher", wanted: 1, missing },
      ...{ rival: theirs && median(theirs), against: THEIRS, ratios: theirs === null ? [] : ratiosOf(theirs, ours) },
    },
  ],
  flags,
);

/** The seven streams of a step, and next to no arithmetic. */
function stream() {
  noGrad(() => {
    parameters.values.add_(parameters.gradients, 1e-9);
    optimizer.firstMoment.mul_(1);
    optimizer.secondMoment.mul_(1);
  });
}

/** Milliseconds of one of a few. */
function timed(body) {
  const startMs = performance.now();
  for (let i = 0; i < STEPS_PER_TURN; i++) body();
  return (performance.now() - startMs) / STEPS_PER_TURN;
}
