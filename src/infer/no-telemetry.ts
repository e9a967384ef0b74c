// ONNX Runtime reports its use to its maker, on Linux too, unless this is set before its library is loaded: whoever imports
// onnxruntime-node imports this first. Whoever wants the reports sets it to 0.
process.env.ORT_DISABLE_TELEMETRY ??= "1";
