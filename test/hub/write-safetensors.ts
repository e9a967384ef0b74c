import { serializeSafetensors, type TensorEntries } from "../../src/hub/safetensors.js";
import { replaceFile } from "../../src/storage/atomic-files.js";

/** Writes a safetensors file by itself, outside of any model folder. */
export function writeSafetensors(path: string, tensors: TensorEntries, metadata: Record<string, string> = {}): void {
  replaceFile(path, serializeSafetensors(tensors, metadata).chunks);
}
