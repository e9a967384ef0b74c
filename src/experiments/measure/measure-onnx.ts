import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "../../errors.js";
import type { Model } from "../../infer/model.js";
import { onnxPaths } from "../../infer/model-files.js";
import { MODEL_DTYPES, openModel } from "../../infer/node.js";
import { KIND_RECORDS } from "../../kinds/kinds.js";
import { Encoder } from "../../models/encoder.js";
import { padded, sequenceOf } from "../../text/model-inputs.js";
import { type PairReader, paperCostOf, type Subject } from "./measure-subjects.js";
import type { SentencePair } from "./pairs.js";

const CLASSIFIER = KIND_RECORDS.classification.modelClass;

/** A dtype that is slower than fp32 by this share is left out. */
const TOLERANCE = 0.02;
const TRIAL_PASSES = 5;

/** The rows of an exported model, and what there is to say of those left out. */
interface OnnxSubjects {
  readonly subjects: readonly Subject[];
  readonly notes: readonly string[];
}

/**
 * The ONNX files of an exported model as ONNX Runtime runs them: fp32, int8, and fp16 where that is faster than fp32.
 *
 * @throws FormatError when the folder holds no ONNX file, or one is damaged or foreign
 */
export async function openOnnx(folder: string, name: string, { threads }: { threads: number }): Promise<OnnxSubjects> {
  const models: Model[] = [];
  for (const dtype of MODEL_DTYPES) {
    if (existsSync(join(folder, onnxPaths(dtype)[0]))) models.push(await openModel(folder, { dtype, threads }));
  }
  if (models.length === 0) {
    throw new FormatError(
      folder,
      `expected ONNX files in onnx/, got none. Run "limbeck export --model ${folder} --out DIR".`,
    );
  }
  const { kept, notes } = await withoutIdleHalves(models, name);
  return { subjects: kept.map((model) => onnxSubject(model, `${name} ONNX ${model.dtype}`)), notes };
}

/** Many processors have no arithmetic for halves, and only convert them. */
async function withoutIdleHalves(models: readonly Model[], name: string): Promise<{ kept: Model[]; notes: string[] }> {
  const [fp32, fp16] = (["fp32", "fp16"] as const).map((dtype) => models.find((model) => model.dtype === dtype));
  if (fp32 === undefined || fp16 === undefined) return { kept: [...models], notes: [] };
  const [full, half] = [await trialMs(fp32), await trialMs(fp16)];
  if (half < full * (1 - TOLERANCE)) return { kept: [...models], notes: [] };
  await fp16.close();
  const note = `${name} ONNX fp16 is left out: it takes ${(half / full).toFixed(2)} times as long as fp32 here.`;
  return { kept: models.filter((model) => model !== fp16), notes: [note] };
}

/** The fastest of a few passes. */
async function trialMs(model: Model): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i <= TRIAL_PASSES; i++) {
    const startMs = performance.now();
    await model.run(batchOf(model, { B: 1, S: Math.min(32, model.maxTokens) }));
    if (i > 0) least = Math.min(least, performance.now() - startMs);
  }
  return least;
}

function onnxSubject(model: Model, name: string): Subject {
  const { encoder: config, architecture } = model.config;
  const hasPooler = config.preClassifier === null && architecture?.endsWith(CLASSIFIER) === true;
  return {
    name,
    kind: "model",
    runtime: "onnx",
    parameters: new Encoder({ ...config, pooler: hasPooler }).parameterCount(),
    fileBytes: statSync(join(model.where, model.file)).size,
    tokens: "word pieces",
    hasPooler,
    paper: paperCostOf(config),
    read: async (pairs) => readPairs(model, pairs),
    passBatch: async (shape) => {
      await model.run(batchOf(model, shape));
    },
    [Symbol.dispose]: () => void model.close(),
  };
}

function readPairs(model: Model, pairs: readonly SentencePair[]): PairReader {
  const { tokenizer, maxTokens } = model;
  const sequences = pairs.map((pair) => {
    const texts = { first: tokenizer.encode(pair.first).ids, second: tokenizer.encode(pair.second).ids };
    return sequenceOf(texts, tokenizer.ids, maxTokens);
  });
  const batches = sequences.map((sequence) => padded([sequence], tokenizer.ids.pad));
  return {
    lengths: sequences.map(({ ids }) => ids.length),
    cutPairs: sequences.filter(({ isCut }) => isCut).length,
    pass: async (pair) => {
      const batch = batches[pair];
      if (batch !== undefined) await model.run(batch);
    },
  };
}

/** Tokens that mean nothing, in full rows. */
function batchOf({ tokenizer }: Model, { B, S }: { B: number; S: number }) {
  const ids = Int32Array.from({ length: S }, (_, i) => (i * 7919) % tokenizer.vocabSize);
  return padded(new Array(B).fill({ ids, secondAt: S >> 1 }), tokenizer.ids.pad);
}
