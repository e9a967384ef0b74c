import type { EncoderConfig } from "../models/config.js";
import { addEncoder, declareInputs } from "./encoder-graph.js";
import { addHead } from "./head-graph.js";
import type { ExportTask } from "./heads.js";
import type { OnnxGraph } from "./onnx/graph.js";
import { GraphBuilder } from "./onnx/graph-builder.js";
import type { Precision } from "./precision.js";

/** What a graph computes, whatever numbers it computes with. */
export interface GraphShape {
  readonly config: EncoderConfig;
  readonly task: ExportTask;
  /** Of a classifier; 0 for other tasks. */
  readonly labelCount: number;
}

/**
 * The version of ONNX's operators.
 *
 * 17 is the first with LayerNormalization, and old enough for every runtime since ONNX Runtime 1.12.
 */
export const OPSET = 17;

/** A model as a graph of ONNX's own operators. */
export function portableGraph({ config, ...head }: GraphShape, precision: Precision): OnnxGraph {
  const parts = { graph: new GraphBuilder(), precision, config };
  addHead(parts, addEncoder(parts, declareInputs(parts)), head);
  return parts.graph.finish(`${config.family} ${head.task}`);
}
