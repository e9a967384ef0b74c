/**
 * onnxruntime-node, when it is first needed: it takes memory and a moment.
 *
 * It reports its use to its maker, on Linux too, unless it is told not to before its library is loaded; ORT_DISABLE_TELEMETRY=0
 * asks for the reports.
 */
export async function loadOnnxRuntime(): Promise<typeof import("onnxruntime-node")> {
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
  return await import("onnxruntime-node");
}
