// Limbeck's side of bench/train.mjs: a process that is told by lines of JSON what to do, and answers with seconds.
import { createInterface } from "node:readline";
import { useThreads } from "../../dist/processor.js";

const { shape, precision, threads } = JSON.parse(process.argv[2]);
useThreads(threads);
const { noiseKeys } = await import("../../dist/data/philox.js");
const { castProducts } = await import("../../dist/hub/model-loading.js");
const { DistillObjective } = await import("../../dist/training/distill/distill-objective.js");
const { bertBase } = await import("../../dist/families/bert.js");
const { MaskedLm } = await import("../../dist/models/masked-lm.js");
const { initialise } = await import("../../dist/engine/nn/module.js");
const { AdamW } = await import("../../dist/engine/optim/adamw.js");
const { distilbertBase } = await import("../../dist/recipes/distilbert-base.js");
const { ones, zeros } = await import("../../dist/engine/tensor/create.js");
const { linear } = await import("../../dist/engine/tensor/ops.js");
const { manualSeed } = await import("../../dist/engine/tensor/random.js");
const { keep, tidy } = await import("../../dist/engine/tensor/scope.js");

manualSeed(1);
const teacher = new MaskedLm({ ...bertBase, ...shape });
// Random weights, each in memory of its own, as a model is read.
for (const [, parameter] of teacher.namedParameters()) {
  parameter.assign(keep(tidy(() => initialise(zeros(parameter.spec.shape), parameter.spec))));
}
const recipe = { ...distilbertBase, studentLayers: shape.layers / 2, teacherLayers: null, freezePositions: false };
const objective = new DistillObjective(teacher, recipe, { productDType: precision, device: "cpu" });
castProducts(teacher, precision); // As `limbeck distill` does.
const optimizer = new AdamW(objective.parameters, { beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0 });

const requests = {
  /** Seconds of forward passes, losses and backward pass of each, after the first `warmUp`, which are done once more. */
  microBatches({ batches, warmUp }) {
    const made = batches.map(batchOf);
    for (const batch of made.slice(0, warmUp)) microStep(batch);
    return made.map((batch) => seconds(() => microStep(batch)));
  },
  optimizer({ steps }) {
    optimizer.step(1e-5);
    return Array.from({ length: steps }, () => seconds(() => optimizer.step(1e-5)));
  },
  /** Floating-point operations a second of libtorch's own products in bf16. */
  productRate() {
    const [M, K, N, times] = [1024, 768, 3072, 20];
    return tidy(() => {
      const [x, weight] = [ones([M, K]).to("bfloat16"), ones([N, K]).to("bfloat16")];
      const one = () => seconds(() => tidy(() => void linear(x, weight, null)));
      const each = Array.from({ length: times + 3 }, one)
        .slice(3)
        .toSorted((a, b) => a - b);
      return [(2 * M * K * N) / each[times / 2]];
    })[0];
  },
};

/** A MaskedBatch of src/data/masked-batches.ts from rows of numbers. */
function batchOf({ inputIds, labels, attentionMask }) {
  const [B, S] = [inputIds.length, inputIds[0].length];
  const tokenCount = attentionMask.flat().reduce((sum, real) => sum + real, 0);
  return {
    inputIds: Int32Array.from(inputIds.flat()),
    labels: Int32Array.from(labels.flat()),
    attentionMask: tokenCount < B * S ? Uint8Array.from(attentionMask.flat()) : null,
    ...{ firstPositions: null, noiseKeys: noiseKeys(1, 0, [...inputIds.keys()]) },
    ...{ B, S, tokenCount, maskedCount: labels.flat().filter((label) => label >= 0).length },
  };
}

function microStep(batch) {
  const [losses] = tidy(() => [[...objective.microStep(batch, batch).toFloat32Array()]]);
  if (losses.some((loss) => !Number.isFinite(loss))) throw new Error(`losses are not finite: ${losses}`);
}

function seconds(body) {
  const start = performance.now();
  body();
  return (performance.now() - start) / 1000;
}

for await (const line of createInterface(process.stdin)) {
  const { request, ...options } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(requests[request](options))}\n`);
}
