import type { EncoderConfig } from "../families/config.js";
import type { PipelineTask } from "../kinds/kinds.js";
import { addEncoder, declareInputs } from "./encoder-graph.js";
import { addHead, readsOf } from "./head-graph.js";
import type { OnnxGraph } from "./onnx/graph.js";
import { GraphBuilder } from "./onnx/graph-builder.js";
import type { Operators } from "./operators.js";
import type { Precision } from "./precision.js";

/** What a graph computes, whatever numbers it computes with. */
export interface GraphShape {
  readonly config: EncoderConfig;
  readonly task: PipelineTask;
  /** Of a classifier; 0 for other tasks. */
  readonly labelCount: number;
}

/** A model as a graph: what it computes, in which numbers, by which operators. */
export function modelGraph(
  { config, ...head }: GraphShape,
  how: { precision: Precision; operators: Operators },
): OnnxGraph {
  const parts = { graph: new GraphBuilder(), ...how, config };
  const hidden = addEncoder(parts, declareInputs(parts), { reads: readsOf(head.task) });
  addHead(parts, hidden, head);
  return parts.graph.finish(`${config.family} ${head.task}`);
}
