// Microseconds that one small op takes from JavaScript, beside PyTorch's own from Python: the cost of crossing, of the tensor's
// slot and of its scope.
//
//   npm run bench:dispatch -- --rounds 15 --out dispatch.json
import { parseArgs } from "node:util";
import { noGrad } from "../dist/engine/tensor/autograd.js";
import { ones } from "../dist/engine/tensor/create.js";
import { setThreads } from "../dist/engine/tensor/device.js";
import { linear } from "../dist/engine/tensor/ops.js";
import { TensorScope, tidy } from "../dist/engine/tensor/scope.js";
import { writeReport } from "./lib/report.mjs";
import { RivalProcess, rivalPython } from "./lib/rivals.mjs";
import { median } from "./lib/statistics.mjs";
import { ratiosOf, takeTurns } from "./lib/turns.mjs";

const { values: flags } = parseArgs({
  options: { rounds: { type: "string", default: "15" }, out: { type: "string" } },
});

const SCOPES_PER_TURN = 100;
const OPS_PER_SCOPE = 100;

setThreads(1); // As in dispatch.py: these ops are too small to share.
const x = ones([4]);
const row = ones([1, 8]);
const weight = ones([8, 8]);
const bias = ones([8]);
const trained = ones([4]).requiresGrad_();

const ops = {
  "add [4]": () => x.add(x),
  "add_ [4]": () => x.add_(x),
  "add [4], recorded for gradients": () => trained.add(x),
  "mul by a number [4]": () => x.mul(2),
  "view [4] as [2, 2]": () => x.view([2, 2]),
  "linear [1, 8] to [1, 8]": () => linear(row, weight, bias),
  "softmax [4]": () => x.softmax(),
  item: () => x.sum().item(),
  "add [4] in a tidy of its own": () => tidy(() => x.add(x)),
};

/** What PyTorch has no word for. */
const OURS_ALONE = ["add [4] in a tidy of its own"];

const { python, missing = null } = rivalPython(["torch"]);
const rival = python === undefined ? null : new RivalProcess(python, new URL("dispatch.py", import.meta.url));
const rows = [];
for (const [name, op] of Object.entries(ops)) rows.push(await measure(name, op));
await rival?.stop();
await writeReport("dispatch", rows, flags);

async function measure(name, op) {
  const count = SCOPES_PER_TURN * OPS_PER_SCOPE;
  const isRecorded = name.includes("recorded");
  const contestants = [{ name: "ours", run: () => (isRecorded ? timed(op) : noGrad(() => timed(op))) }];
  const isShared = rival !== null && !OURS_ALONE.includes(name);
  if (isShared) contestants.push({ name: "PyTorch", run: async () => (await rival.ask({ op: name, count })).us });
  const turns = await takeTurns(contestants, Number(flags.rounds));
  const [ours, theirs] = [turns.get("ours"), turns.get("PyTorch")];
  const beside = isShared ? { rival: median(theirs), against: "PyTorch", ratios: ratiosOf(theirs, ours) } : {};
  return {
    name,
    ours: median(ours),
    unit: "µs",
    better: "higher",
    ...beside,
    missing: rival === null ? missing : null,
  };
}

/** Microseconds per op over a turn; the scopes' own opening and freeing are part of it. */
function timed(op) {
  const startMs = performance.now();
  for (let i = 0; i < SCOPES_PER_TURN; i++) {
    const scope = new TensorScope();
    for (let j = 0; j < OPS_PER_SCOPE; j++) op();
    scope[Symbol.dispose]();
  }
  return ((performance.now() - startMs) * 1000) / (SCOPES_PER_TURN * OPS_PER_SCOPE);
}
