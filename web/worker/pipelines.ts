import { answer } from "../../src/infer/answer.js";
import { classify } from "../../src/infer/classify.js";
import { embed } from "../../src/infer/embed.js";
import { fillMask } from "../../src/infer/fill-mask.js";
import type { Model } from "../../src/infer/model.js";
import type { PipelineTask } from "../../src/kinds/pipeline-names.js";
import type { Fields, Output } from "../protocol.js";

/** Runs the pipeline of a task on what stands in the form. */
export async function runTask(model: Model, task: PipelineTask, fields: Fields): Promise<Output> {
  const { text = "", pair = "", question = "", context = "" } = fields;
  switch (task) {
    case "fill-mask":
      return { task, masks: one(await fillMask(model, [text])) };
    case "question-answer":
      return { task, answer: one(await answer(model, [{ question, context }])) };
    case "classify": {
      const input = pair.trim() === "" ? text : { first: text, second: pair };
      return { task, classification: one(await classify(model, [input])) };
    }
    case "embed": {
      const [first, second] = await embed(model, [text, pair], { normalize: true });
      return { task, cosine: dot(first, second) };
    }
  }
}

function one<T>([first]: readonly T[]): T {
  if (first === undefined) throw new RangeError("one input has one result");
  return first;
}

function dot(a: Float32Array = new Float32Array(), b: Float32Array = new Float32Array()): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}
