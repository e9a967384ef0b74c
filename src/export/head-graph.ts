import type { PipelineTask } from "../kinds/kinds.js";
import { addActivation, addNorm, type EncoderParts } from "./encoder-graph.js";
import { numberOf } from "./precision.js";

/** The size of a batch and of its sequences, by the names that stand for them. */
const TOKENS = ["batch_size", "sequence_length"] as const;

/** Which tokens' last hidden states a task's head reads. */
export function readsOf(task: PipelineTask): "all" | "first" {
  return task === "classify" ? "first" : "all";
}

/** Adds what a task makes of the last hidden states [B, S, D], as outputs of float32. */
export function addHead(
  parts: EncoderParts,
  hidden: string,
  { task, labelCount }: { task: PipelineTask; labelCount: number },
): void {
  const { hiddenSize, vocabSize } = parts.config;
  if (task === "embed") {
    addOutput(parts, hidden, { name: "last_hidden_state", shape: [...TOKENS, hiddenSize] });
  } else if (task === "question-answer") {
    addSpanHead(parts, hidden);
  } else if (task === "classify") {
    addOutput(parts, classifierLogits(parts, hidden), { name: "logits", shape: ["batch_size", labelCount] });
  } else {
    addOutput(parts, vocabularyLogits(parts, hidden), { name: "logits", shape: [...TOKENS, vocabSize] });
  }
}

/** [B, S, D] -> [B, S, V] */
function vocabularyLogits(parts: EncoderParts, hidden: string): string {
  const { graph, precision } = parts;
  const dense = precision.linear(graph, hidden, { name: "mlm.transform" });
  return precision.decode(graph, addNorm(parts, addActivation(parts, dense, "mlm.activation"), "mlm.norm"));
}

/** [B, 1 or S, D] -> [B, labels] */
function classifierLogits({ graph, precision, config }: EncoderParts, hidden: string): string {
  const first = graph.add("Gather", [hidden, graph.scalarIndex("index.first", 0)], {
    name: "first",
    attributes: { axis: { int: 1 } },
  });
  const [name, op] = config.preClassifier === null ? ["pooler", "Tanh"] : ["preClassifier", "Relu"];
  const pooled = graph.add(op, [precision.linear(graph, first, { name })], { name: `${name}.${op.toLowerCase()}` });
  return precision.lastLinear(graph, pooled, { name: "classifier" });
}

/** [B, S, D] -> start and end, [B, S] each */
function addSpanHead(parts: EncoderParts, hidden: string): void {
  const { graph, precision } = parts;
  const both = precision.lastLinear(graph, hidden, { name: "qaOutputs" });
  const halves = ["qaOutputs.start", "qaOutputs.end"];
  graph.addWithOutputs("Split", [both, graph.ints("sizes.one", [1, 1])], {
    name: "qaOutputs.split",
    attributes: { axis: { int: -1 } },
    outputs: halves,
  });
  for (const [half, name] of [
    [halves[0], "start_logits"],
    [halves[1], "end_logits"],
  ] as [string, string][]) {
    const flat = graph.add("Squeeze", [half, graph.ints("axes.last", [-1])], { name: `${half}.flat` });
    addOutput(parts, flat, { name, shape: TOKENS });
  }
}

/** Under the name that transformers and transformers.js read, in float32. */
function addOutput(
  { graph, precision }: EncoderParts,
  value: string,
  { name, shape }: { name: string; shape: readonly (number | string)[] },
): void {
  if (precision.activations === "float16")
    graph.add("Cast", [value], { name, attributes: { to: { int: numberOf("float32") } } });
  else graph.add("Identity", [value], { name });
  graph.output({ name, dtype: "float32", shape });
}
