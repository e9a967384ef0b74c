// Limbeck's side of bench/finetune.mjs: the first line has the features, every other asks for an epoch over them.
import { createInterface } from "node:readline";
import { useThreads } from "../../dist/processor.js";

const { kind, batch, threads } = JSON.parse(process.argv[2]);
useThreads(threads);
const { distilBertBase } = await import("../../dist/families/distilbert.js");
const { QuestionAnswering } = await import("../../dist/models/question-answering.js");
const { SequenceClassifier } = await import("../../dist/models/sequence-classifier.js");
const { AdamW } = await import("../../dist/engine/optim/adamw.js");
const { clipGradientNorm } = await import("../../dist/engine/optim/clip.js");
const { FlatParameters } = await import("../../dist/engine/optim/flat-parameters.js");
const { finetuneBase } = await import("../../dist/recipes/finetune-base.js");
const { TaskSteps } = await import("../../dist/tasks/task-batches.js");
const { TaskObjective } = await import("../../dist/tasks/task-objective.js");
const { tidy } = await import("../../dist/engine/tensor/scope.js");

const model = kind === "answers" ? new QuestionAnswering(distilBertBase) : new SequenceClassifier(distilBertBase, 2);
const parameters = new FlatParameters(model);
const objective = new TaskObjective(kind, { model, parameters }, null, {
  ...{ recipe: finetuneBase, productDType: "bfloat16", device: "cpu" },
});
const optimizer = new AdamW(parameters, { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 });
let steps = null;

for await (const line of createInterface(process.stdin)) {
  const { features } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(features === undefined ? epoch() : prepare(features))}\n`);
}

function prepare(features) {
  const made = features.map(({ inputIds, targets }) => ({
    ids: Int32Array.from(inputIds),
    secondAt: inputIds.length,
    targets: kind === "answers" ? targets.span : [targets.label],
  }));
  const { microBatchTokens, seed } = finetuneBase;
  steps = new TaskSteps(made, { seed, stepSequences: batch, microBatchTokens, padId: 0 });
  return { batches: epochSteps().map(({ microBatches }) => microBatches.flatMap(({ indices }) => indices)) };
}

function epochSteps() {
  return Array.from({ length: steps.stepsPerEpoch }, (_, i) => steps.at(i));
}

function epoch() {
  const start = performance.now();
  for (const step of epochSteps()) {
    parameters.gradients.zero_();
    for (const each of step.microBatches) {
      const [loss] = tidy(() => [...objective.microStep(each, step).toFloat32Array()]);
      if (!Number.isFinite(loss)) throw new Error(`the loss is ${loss}`);
    }
    clipGradientNorm(parameters.gradients, finetuneBase.clipNorm);
    optimizer.step(1e-5);
  }
  return { seconds: (performance.now() - start) / 1000 };
}
