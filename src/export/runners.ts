import { noGrad } from "../engine/tensor/autograd.js";
import { tensor } from "../engine/tensor/create.js";
import { engineInfo } from "../engine/tensor/device.js";
import { TensorScope } from "../engine/tensor/scope.js";
import { RunError } from "../errors.js";
import { withWeights } from "../hub/model-loading.js";
import { loadOnnxRuntime } from "../infer/onnx-runtime.js";
import { feedsOf } from "../infer/runtime.js";
import { KIND_RECORDS, type Kind } from "../kinds/kinds.js";
import { oneLine } from "../storage/json-file.js";
import type { PaddedSequences } from "../text/model-inputs.js";
import { attentionMask } from "../training/loop/micro-batch.js";
import type { GraphShape } from "./model-graph.js";
import type { WeightSource } from "./parameters.js";
import { type ExportedModule, moduleOf } from "./source.js";

/** What is run at once. */
export type RunnerBatch = Omit<PaddedSequences, "tokenCount">;

/** A model that can be run: Limbeck's own, or a file of ONNX. Outputs lie as the graph's do, by its names. */
export interface Runner {
  run(batch: RunnerBatch): Promise<ReadonlyMap<string, Float32Array>>;
  close(): Promise<void>;
}

/** Limbeck's own forward pass, in float32: what exported files are held to. */
export function engineRunner(shape: GraphShape, weights: WeightSource): Runner {
  const pooler = weights.has("pooler.weight");
  const model = withWeights(moduleOf(shape, { pooler }), weights, { device: "cpu", productDType: "float32" });
  return {
    run: (batch) => Promise.resolve(forward(model, shape.kind, batch)),
    close: () => Promise.resolve(model.dispose()),
  };
}

function forward(model: ExportedModule, kind: Kind, batch: RunnerBatch): Map<string, Float32Array> {
  using _scope = new TensorScope();
  return noGrad(() => {
    const output = model.forward(inputOf(model, batch), { training: false });
    const { outputs } = KIND_RECORDS[kind];
    const values = outputs.length === 1 ? [output] : output.permute([2, 0, 1]).unbind(); // [B, S, N] -> N of [B, S]
    return new Map(values.map((value, i) => [outputs[i]?.name ?? "", value.toFloat32Array()]));
  });
}

function inputOf({ config }: ExportedModule, { inputIds, tokenTypeIds, attentionMask: real, B, S }: RunnerBatch) {
  const whole = (values: Int32Array) => tensor(values, { shape: [B, S], dtype: "int64" });
  return {
    inputIds: whole(inputIds),
    tokenTypeIds: config.tokenTypes === 0 ? null : whole(Int32Array.from(tokenTypeIds)),
    mask: real === null ? null : attentionMask(real, [B, 1, 1, S], "cpu"),
  };
}

/** The runtime's warnings are of its own optimisations. */
const ERRORS = 3;

/**
 * A file of ONNX on ONNX Runtime's CPU, with as many threads as the engine has.
 *
 * @throws RunError when the runtime does not take it
 */
export async function ortRunner(path: string): Promise<Runner> {
  const runtime = await loadOnnxRuntime();
  const options = { logSeverityLevel: ERRORS, intraOpNumThreads: engineInfo().threads } as const;
  const session = await runtime.InferenceSession.create(path, options).catch((cause: unknown) => {
    throw new RunError(`${path}: ONNX Runtime does not load it: ${oneLine(cause)}`, { cause });
  });
  return {
    run: async (batch) => {
      const results = await session.run(feedsOf(batch, session, runtime));
      return new Map(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]));
    },
    close: () => session.release(),
  };
}
