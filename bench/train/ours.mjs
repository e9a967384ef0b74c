// Limbeck's side of bench/train.mjs, in a process of its own: told by lines of JSON what to do, answers with seconds.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { DistillObjective } from "../../dist/distill/objective.js";
import { MaskedLm } from "../../dist/models/masked-lm.js";
import { AdamW } from "../../dist/optim/adamw.js";
import { FlatParameters } from "../../dist/optim/flat-parameters.js";
import { distilbertBase } from "../../dist/recipes/distilbert-base.js";
import { setThreads } from "../../dist/tensor/device.js";
import { manualSeed } from "../../dist/tensor/random.js";
import { tidy } from "../../dist/tensor/scope.js";
import { randomBatch } from "./batches.mjs";
import { teacherConfig } from "./shapes.mjs";

const { shape, precision, threads } = JSON.parse(process.argv[2]);
setThreads(threads);
manualSeed(1);
const config = teacherConfig(shape);
const teacher = new MaskedLm(config);
new FlatParameters(teacher); // Gives it random weights.
const recipe = { ...distilbertBase, studentLayers: config.layers / 2, teacherLayers: null };
const objective = new DistillObjective(teacher, recipe, { productDType: precision, device: "cpu" });
const optimizer = new AdamW(objective.parameters, { beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0 });

const requests = {
  /** Forward, losses and backward of each micro-batch: seconds of each, after one that is not counted. */
  microBatches({ batches, warmUp }) {
    const made = batches.map((lengths, i) => randomBatch(lengths, { vocabSize: config.vocabSize, seed: i + 1 }));
    for (const batch of made.slice(0, warmUp)) microStep(batch);
    return made.map((batch) => timed(() => microStep(batch)));
  },
  optimizer({ steps }) {
    optimizer.step(1e-5);
    return Array.from({ length: steps }, () => timed(() => optimizer.step(1e-5)));
  },
  /** Bytes. */
  peakMemory() {
    return 1024 * Number(/VmHWM:\s*(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
  },
};

function microStep(batch) {
  const [losses] = tidy(() => [[...objective.microStep(batch, batch).toFloat32Array()]]);
  if (losses.some((loss) => !Number.isFinite(loss))) throw new Error(`losses are not finite: ${losses}`);
}

function timed(body) {
  const start = performance.now();
  body();
  return (performance.now() - start) / 1000;
}

for await (const line of createInterface(process.stdin)) {
  const { request, ...options } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(requests[request](options))}\n`);
}
