import { bertBase } from "../../dist/models/bert.js";
export function teacherConfig(shape) {
  if (shape === "base") return bertBase;
  return { ...bertBase, hiddenSize: 128, heads: 4, intermediateSize: 512, vocabSize: 8000 };
}
