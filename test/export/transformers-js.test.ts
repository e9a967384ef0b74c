import { basename, dirname } from "node:path";
import { env, pipeline } from "@huggingface/transformers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Kind, nameOf, SmallModels } from "./small-models.js";

const models = new SmallModels();
afterAll(() => models[Symbol.dispose]());

/** transformers.js's names of the files. */
const FILES = [
  { dtype: "fp32" },
  { dtype: "fp16" },
  { dtype: "q8" },
  { dtype: "q8", model_file_name: "model_ort" },
] as const;

/** What each pipeline is asked, and what of its answer is looked at. */
const ASKED: Record<string, (folder: string, options: object) => Promise<unknown>> = {
  "fill-mask": async (folder, options) => {
    const run = await pipeline("fill-mask", folder, options);
    const [first] = (await run("a b [MASK] d")) as { score: number; token_str: string }[];
    await run.dispose();
    return { token: first?.token_str, score: first?.score };
  },
  classify: async (folder, options) => {
    const run = await pipeline("text-classification", folder, options);
    const [first] = (await run("a b c d")) as { label: string; score: number }[];
    await run.dispose();
    return { label: first?.label, score: first?.score };
  },
  "question-answer": async (folder, options) => {
    const run = await pipeline("question-answering", folder, options);
    const { answer, score } = (await run("a b", "c d e f g h")) as { answer: string; score: number };
    await run.dispose();
    return { answer, score };
  },
  embed: async (folder, options) => {
    const run = await pipeline("feature-extraction", folder, options);
    const { dims, data } = await run(["a b c d", "e"], { pooling: "mean", normalize: true });
    await run.dispose();
    return { dims, length: Math.hypot(...(data as Float32Array).subarray(0, 32)) };
  },
};

const KINDS: readonly Kind[] = [
  { family: "distilbert", task: "fill-mask" },
  { family: "bert", task: "classify", labelCount: 3 },
  { family: "distilbert", task: "question-answer" },
  { family: "bert", task: "embed" },
];

beforeAll(() => {
  env.allowRemoteModels = false;
});

describe.each(KINDS.map((kind) => [nameOf(kind), kind] as const))("transformers.js loads %s", (_, kind) => {
  let name: string;
  beforeAll(async () => {
    const { out } = await models.export(await models.make(kind));
    env.localModelPath = dirname(out);
    name = basename(out);
  });

  test("and every file of it says the same", async () => {
    const ask = ASKED[kind.task] as (folder: string, options: object) => Promise<Record<string, unknown>>;
    const said = [];
    for (const options of FILES) said.push(await ask(name, options));
    const [first] = said as [Record<string, unknown>, ...Record<string, unknown>[]];
    for (const other of said) {
      for (const [key, value] of Object.entries(first)) {
        if (typeof value === "number") expect(Math.abs(Number(other[key]) - value)).toBeLessThan(0.05);
        else expect(other[key]).toEqual(value);
      }
    }
  });
});
