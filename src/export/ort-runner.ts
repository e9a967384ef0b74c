import "../infer/no-telemetry.js";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { engineInfo } from "../engine/tensor/device.js";
import { RunError } from "../errors.js";
import type { Runner, RunnerBatch } from "./runner.js";

/** The runtime's warnings are of its own optimisations. */
const ERRORS = 3;

/**
 * A file of ONNX on ONNX Runtime's CPU, with as many threads as the engine has.
 *
 * @throws RunError when the runtime does not take it
 */
export async function ortRunner(path: string): Promise<Runner> {
  const runtime = await import("onnxruntime-node"); // Not before it is needed: it takes memory and a moment.
  const options = { logSeverityLevel: ERRORS, intraOpNumThreads: engineInfo().threads } as const;
  const session = await runtime.InferenceSession.create(path, options).catch((cause: unknown) => {
    const words = cause instanceof Error ? cause.message.split("\n", 1)[0] : String(cause);
    throw new RunError(`${path}: ONNX Runtime does not load it: ${words}`, { cause });
  });
  return {
    run: async (batch) => {
      const results = await session.run(feedsOf(batch, session, runtime.Tensor));
      return new Map(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]));
    },
    close: () => session.release(),
  };
}

function feedsOf(
  batch: RunnerBatch,
  session: InferenceSession,
  Tensor: typeof import("onnxruntime-node").Tensor,
): Record<string, Tensor> {
  const { inputIds, tokenTypeIds, attentionMask, B, S } = batch;
  const whole = (values: Int32Array | Uint8Array) => new Tensor("int64", BigInt64Array.from(values, BigInt), [B, S]);
  const feeds = {
    input_ids: whole(inputIds),
    attention_mask: whole(attentionMask ?? new Uint8Array(B * S).fill(1)),
    token_type_ids: whole(tokenTypeIds),
  };
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)));
}
