import { matrixShape, type Parameters } from "./parameters.js";
import type { LinearLayer } from "./precision.js";

/** A linear layer's numbers, ready to be written in some precision. */
export interface LinearValues {
  readonly inputs: number;
  readonly outputs: number;
  /** [outputs, inputs], one row an output. */
  readonly weight: () => Float32Array;
  /** [outputs] */
  readonly bias: () => Float32Array;
}

/** The part of a layer's parameters that is asked for, with what is to be scaled scaled. */
export function linearValues(parameters: Parameters, layer: LinearLayer): LinearValues {
  const { name, parameter = name } = layer;
  const [rows, inputs] = matrixShape(parameters, `${parameter}.weight`);
  const [from, to] = layer.outputs ?? [0, rows];
  const take = (suffix: string, columns: number) => () =>
    scaled(parameters.floats(`${parameter}.${suffix}`).subarray(from * columns, to * columns), columns, layer);
  return { inputs, outputs: to - from, weight: take("weight", inputs), bias: take("bias", 1) };
}

function scaled(values: Float32Array, columns: number, { scaled: which }: LinearLayer): Float32Array {
  if (which === undefined) return values;
  const end = which.outputs * columns;
  return values.map((value, i) => (i < end ? value * which.factor : value));
}
