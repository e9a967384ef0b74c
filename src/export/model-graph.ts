import type { EncoderConfig } from "../families/config.js";
import type { OutputSide } from "../kinds/kind-record.js";
import { KIND_RECORDS, type Kind } from "../kinds/kinds.js";
import { addActivation, addEncoder, addNorm, declareInputs, type EncoderParts } from "./encoder-graph.js";
import type { OnnxGraph } from "./onnx/graph.js";
import { GraphBuilder } from "./onnx/graph-builder.js";
import type { Operators } from "./operators.js";
import { poolingFiles } from "./pooling.js";
import { numberOf, type Precision } from "./precision.js";

/** What a graph computes, whatever numbers it computes with. */
export interface GraphShape {
  readonly config: EncoderConfig;
  readonly kind: Kind;
  /** Of a classifier, 1 for a score; 0 for other kinds. */
  readonly labelCount: number;
}

/** What a kind makes of the last hidden states. */
interface HeadGraph {
  /** Which tokens' it reads. */
  readonly reads: "all" | "first";
  /** Whether the word embeddings are its output layer too. */
  readonly isTied: boolean;
  /** [B, S, D], or [B, 1, D] where it reads the first alone -> each of the outputs that the kind's record names. */
  values(parts: EncoderParts, hidden: string): Iterable<string>;
  /** What other libraries want beside config.json, by path: as JSON. */
  files(config: EncoderConfig): readonly (readonly [path: string, content: object])[];
}

const CLASSIFIER: HeadGraph = {
  reads: "first",
  isTied: false,
  values: (parts, hidden) => [classifierLogits(parts, hidden)],
  files: () => [],
};

export const HEAD_GRAPHS: Readonly<Record<Kind, HeadGraph>> = {
  "masked-words": {
    reads: "all",
    isTied: true,
    values: (parts, hidden) => [vocabularyLogits(parts, hidden)],
    files: () => [],
  },
  classification: CLASSIFIER,
  regression: CLASSIFIER,
  "question-answering": { reads: "all", isTied: false, values: spanLogits, files: () => [] },
  embedding: { reads: "all", isTied: false, values: (_parts, hidden) => [hidden], files: poolingFiles },
};

/** A model as a graph: what it computes, in which numbers, by which operators. */
export function modelGraph(shape: GraphShape, how: { precision: Precision; operators: Operators }): OnnxGraph {
  const { config, kind, labelCount } = shape;
  const parts = { graph: new GraphBuilder(), ...how, config };
  const { reads, values } = HEAD_GRAPHS[kind];
  const { outputs, pipeline } = KIND_RECORDS[kind];
  const hidden = addEncoder(parts, declareInputs(parts), { reads });
  const sizes: Readonly<Record<OutputSide, number | string>> = {
    ...{ batch_size: "batch_size", sequence_length: "sequence_length" }, // As they come.
    ...{ hidden_size: config.hiddenSize, vocabulary_size: config.vocabSize, label_count: labelCount },
  };
  const named = outputs.values();
  for (const value of values(parts, hidden)) {
    const { name, shape: sides } = named.next().value ?? { name: value, shape: [] };
    addOutput(parts, value, { name, shape: sides.map((side) => sizes[side]) });
  }
  return parts.graph.finish(`${config.family} ${pipeline}`);
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
function* spanLogits({ graph, precision }: EncoderParts, hidden: string): Generator<string> {
  const both = precision.lastLinear(graph, hidden, { name: "qaOutputs" });
  const halves = ["qaOutputs.start", "qaOutputs.end"];
  graph.addWithOutputs("Split", [both, graph.ints("sizes.one", [1, 1])], {
    name: "qaOutputs.split",
    attributes: { axis: { int: -1 } },
    outputs: halves,
  });
  for (const half of halves) {
    yield graph.add("Squeeze", [half, graph.ints("axes.last", [-1])], { name: `${half}.flat` });
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
