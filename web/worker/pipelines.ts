import { answer } from "../../src/infer/answer.js";
import { classify } from "../../src/infer/classify.js";
import { embed } from "../../src/infer/embed.js";
import { fillMask } from "../../src/infer/fill-mask.js";
import type { Model } from "../../src/infer/model.js";
import type { Kind } from "../../src/kinds/kinds.js";
import type { Fields, Output, Said } from "../protocol.js";

type Pipeline<S> = (model: Model, fields: Fields) => Promise<S>;

const classifyText: Pipeline<Said["classification"]> = async (model, { text = "", pair = "" }) =>
  one(await classify(model, [pair.trim() === "" ? text : { first: text, second: pair }]));

const PIPELINES: { readonly [K in Kind]: Pipeline<Said[K]> } = {
  "masked-words": async (model, { text = "" }) => one(await fillMask(model, [text])),
  classification: classifyText,
  regression: classifyText,
  "question-answering": async (model, { question = "", context = "" }) =>
    one(await answer(model, [{ question, context }])),
  embedding: async (model, { text = "", pair = "" }) => {
    const [first, second] = await embed(model, [text, pair], { normalize: true });
    return dot(first, second);
  },
};

/** Runs the pipeline of a kind of task on what stands in the form. */
export async function outputOf<K extends Kind>(model: Model, task: K, fields: Fields): Promise<Output<K>> {
  const pipeline: Pipeline<Said[K]> = PIPELINES[task];
  return { task, said: await pipeline(model, fields) };
}

function one<T>([first]: readonly T[]): T {
  if (first === undefined) throw new RangeError("one input has one result");
  return first;
}

function dot(a: Float32Array = new Float32Array(), b: Float32Array = new Float32Array()): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}
