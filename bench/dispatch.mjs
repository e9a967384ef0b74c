// Microseconds that one small op takes from JavaScript: the cost of crossing, of the tensor's slot and of its scope.
//
//   npm run bench                                   with LIMBECK_PYTHON=python also PyTorch's own, and the ratio
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { noGrad } from "../dist/tensor/autograd.js";
import { ones } from "../dist/tensor/create.js";
import { engineInfo, setThreads } from "../dist/tensor/device.js";
import { linear } from "../dist/tensor/ops.js";
import { TensorScope, tidy } from "../dist/tensor/scope.js";

const runs = 15;
const scopesPerRun = 100;
const opsPerScope = 100;

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

/** Microseconds per op over one run; the scopes' own opening and freeing are part of it. */
function timeRun(op) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < scopesPerRun; i++) {
    const scope = new TensorScope();
    for (let j = 0; j < opsPerScope; j++) op();
    scope[Symbol.dispose]();
  }
  return Number(process.hrtime.bigint() - start) / 1000 / (scopesPerRun * opsPerScope);
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

function measure(name, op) {
  const time = () => median(Array.from({ length: runs }, () => timeRun(op)));
  timeRun(op); // Compiles it.
  return name.includes("recorded") ? time() : noGrad(time);
}

/** PyTorch's own medians by the same names, or none. */
function measurePython() {
  const python = process.env.LIMBECK_PYTHON;
  if (python === undefined) return {};
  const script = fileURLToPath(new URL("dispatch.py", import.meta.url));
  return JSON.parse(
    execFileSync(python, [script, String(runs), String(scopesPerRun * opsPerScope)], { encoding: "utf8" }),
  );
}

const { engine, torchVersion } = engineInfo();
const python = measurePython();
console.log(`libtorch ${torchVersion} (${engine}), Node ${process.versions.node}: µs per op, median of ${runs} runs`);
for (const [name, op] of Object.entries(ops)) {
  const ours = measure(name, op);
  const theirs = python[name];
  const beside =
    theirs === undefined ? "" : `   PyTorch ${theirs.toFixed(2).padStart(6)}   × ${(ours / theirs).toFixed(2)}`;
  console.log(`${name.padEnd(34)} ${ours.toFixed(2).padStart(6)}${beside}`);
}
