import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TensorSource } from "../../src/hub/safetensors.js";
import { writeSafetensors } from "./write-safetensors.js";

/** A float32 tensor of these shape and values, row-major. */
export function f32(shape: readonly number[], values: readonly number[]): TensorSource & { bytes: Uint8Array } {
  return { dtype: "float32", shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

/** A float32 tensor filled with one value. */
export function filled(shape: readonly number[], value: number): TensorSource & { bytes: Uint8Array } {
  const numel = shape.reduce((product, size) => product * size, 1);
  return f32(shape, new Array(numel).fill(value));
}

/** Shapes of the smallest model there can be, under our names: V 6, D 4, 2 layers, F 8, 5 positions. */
export function parameterShapes(family: string, options: { mlm: boolean; pooler?: boolean }): Map<string, number[]> {
  const [V, D, F, P] = [6, 4, 8, 5];
  const shapes: [string, number[]][] = [
    ["embeddings.word.weight", [V, D]],
    ["embeddings.position.weight", [P, D]],
    ["embeddings.norm.weight", [D]],
    ["embeddings.norm.bias", [D]],
  ];
  if (family === "bert") shapes.push(["embeddings.tokenType.weight", [2, D]]);
  for (const i of [0, 1]) {
    for (const [module, rows, columns] of [
      ["attention.qkv", 3 * D, D],
      ["attention.output", D, D],
      ["ffn.up", F, D],
      ["ffn.down", D, F],
    ] as const) {
      shapes.push([`layers.${i}.${module}.weight`, [rows, columns]], [`layers.${i}.${module}.bias`, [rows]]);
    }
    for (const norm of ["attentionNorm", "ffnNorm"]) {
      shapes.push([`layers.${i}.${norm}.weight`, [D]], [`layers.${i}.${norm}.bias`, [D]]);
    }
  }
  if (options.pooler) shapes.push(["pooler.weight", [D, D]], ["pooler.bias", [D]]);
  if (options.mlm) {
    shapes.push(["mlm.transform.weight", [D, D]], ["mlm.transform.bias", [D]]);
    shapes.push(["mlm.norm.weight", [D]], ["mlm.norm.bias", [D]], ["mlm.bias", [V]]);
  }
  return new Map(shapes);
}

/** Parameters of those shapes; every element of the model has a value of its own. */
export function exampleParameters(
  family: string,
  options: { mlm: boolean; pooler?: boolean },
): Map<string, TensorSource> {
  let next = 0;
  const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
  return new Map(
    [...parameterShapes(family, options)].map(([name, shape]) => {
      const values = Array.from({ length: count(shape) }, () => next++ / 1024);
      return [name, f32(shape, values)];
    }),
  );
}

/** config.json of those models. */
export function exampleConfig(architecture: string): Record<string, unknown> {
  const shared = { architectures: [architecture], vocab_size: 6, max_position_embeddings: 5 };
  return architecture.startsWith("Distil")
    ? { ...shared, model_type: "distilbert", dim: 4, n_layers: 2, n_heads: 2, hidden_dim: 8 }
    : {
        ...shared,
        model_type: "bert",
        hidden_size: 4,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 8,
        type_vocab_size: 2,
      };
}

/** Writes a safetensors file into a folder that may not exist yet. */
export function writeInto(folder: string, name: string, tensors: ReadonlyMap<string, TensorSource>): string {
  mkdirSync(folder, { recursive: true });
  writeSafetensors(join(folder, name), tensors, { format: "pt" });
  return join(folder, name);
}
