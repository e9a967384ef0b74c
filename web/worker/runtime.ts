import type { InferenceSession } from "onnxruntime-common";
import type { Runtime } from "../../src/infer/runtime.js";
import type { Device } from "../protocol.js";

/** ONNX Runtime, and how its sessions are made. */
export interface LoadedRuntime {
  readonly runtime: Runtime;
  readonly session: InferenceSession.SessionOptions;
}

/** The build for a device, with its WebAssembly from the folder that this script is in. */
export async function loadRuntime(device: Device, { threads }: { threads: number }): Promise<LoadedRuntime> {
  // Two builds: the one for graphics cards is twice as large, and only fetched where it is used.
  const runtime = device === "webgpu" ? await import("onnxruntime-web/webgpu") : await import("onnxruntime-web/wasm");
  const name = device === "webgpu" ? "ort-wasm-simd-threaded.asyncify" : "ort-wasm-simd-threaded";
  const { wasm } = runtime.env;
  wasm.wasmPaths = { mjs: beside(`${name}.mjs`), wasm: beside(`${name}.wasm`) };
  wasm.numThreads = threads;
  return { runtime, session: { executionProviders: [device] } };
}

function beside(name: string): string {
  return new URL(name, import.meta.url).href;
}
