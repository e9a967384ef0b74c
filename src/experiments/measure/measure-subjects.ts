import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { autocast, noGrad } from "../../engine/tensor/autograd.js";
import { tensor } from "../../engine/tensor/create.js";
import { tidy } from "../../engine/tensor/scope.js";
import { ConfigError } from "../../errors.js";
import { bertBase } from "../../families/bert.js";
import type { EncoderConfig } from "../../families/config.js";
import { distilBertBase } from "../../families/distilbert.js";
import { readModelFolder } from "../../hub/folder.js";
import { resolveModel } from "../../hub/hub.js";
import { castProducts, checkTokenizerFits, shapesOf, withWeights } from "../../hub/model-loading.js";
import { Encoder } from "../../models/encoder.js";
import { type PaddedSequences, padded, sequenceOf } from "../../text/model-inputs.js";
import { suggestion } from "../../text/nearest.js";
import { loadTokenizer, type Tokenizer } from "../../text/tokenizer.js";
import { PAPER_COSTS, type PaperCost } from "../paper.js";
import { Elmo, elmoCharacterIds, elmoOriginal, elmoWords } from "./elmo.js";
import type { SentencePair } from "./pairs.js";

/** What products are computed in. */
export type MeasurePrecision = "float32" | "bfloat16";

/** Something that is measured: a model, or a shape with random weights. */
export interface Subject extends Disposable {
  readonly name: string;
  readonly kind: "model" | "shape";
  readonly runtime: "libtorch" | "onnx";
  /** Of the encoder, with its pooler where it has one. */
  readonly parameters: number;
  /** Of the files of its weights, heads included; null where there are none. */
  readonly fileBytes: number | null;
  /** What its texts are cut into. */
  readonly tokens: "word pieces" | "words";
  readonly hasPooler: boolean;
  readonly paper: PaperCost | null;
  /** Makes what it reads of each pair, so that passes are of the model alone. */
  read(pairs: readonly SentencePair[]): Promise<PairReader>;
  /** A pass of a full batch, for its throughput; null where there is no such thing. */
  readonly passBatch: ((shape: BatchShape) => void | Promise<void>) | null;
}

/** Sequences, and tokens of each. */
export interface BatchShape {
  readonly B: number;
  readonly S: number;
}

/** Pairs that are ready to be passed through a model. */
export interface PairReader {
  /** Tokens of each pair, marks included. */
  readonly lengths: readonly number[];
  /** Pairs that were cut to fit the position table. */
  readonly cutPairs: number;
  /** A whole pass of one pair, at batch size 1. */
  pass(pair: number): void | Promise<void>;
}

interface Shape {
  readonly tokens: Subject["tokens"];
  open(name: string, options: SubjectOptions & { tokenizer: Tokenizer | null }): Subject;
}

interface SubjectOptions {
  readonly precision: MeasurePrecision;
}

/** Published shapes, measured without their weights. */
const SHAPES: Readonly<Record<string, Shape>> = {
  "bert-base": encoderShape(bertBase),
  "distilbert-base": encoderShape(distilBertBase),
  elmo: { tokens: "words", open: (name, { precision }) => elmoSubject(name, precision) },
};

export const SHAPE_NAMES: readonly string[] = Object.keys(SHAPES);

/** Whether a shape reads word pieces, for which it needs a tokenizer. */
export function readsPieces(shape: string): boolean {
  return shapeOf(shape).tokens === "word pieces";
}

/**
 * A published shape with random weights.
 *
 * @param options.tokenizer for shapes that read word pieces
 * @throws ConfigError for a name nobody knows, or a tokenizer with more pieces than the shape embeds
 */
export function openShape(name: string, options: SubjectOptions & { tokenizer: Tokenizer | null }): Subject {
  return shapeOf(name).open(name, options);
}

/**
 * A model's encoder, whatever head it has.
 *
 * @param source a folder or a Hub id
 * @throws FormatError when a file is missing, foreign or does not fit the others
 */
export async function openEncoder(source: string, name: string, { precision }: SubjectOptions): Promise<Subject> {
  const path = await resolveModel(source);
  const tokenizer = await loadTokenizer(path);
  using folder = readModelFolder(path);
  const { encoder: config } = folder;
  const encoder = new Encoder({ ...config, pooler: folder.weights.has("pooler.weight") });
  checkTokenizerFits(path, tokenizer, config);
  folder.weights.expect(shapesOf(encoder));
  withWeights(encoder, folder.weights, { device: "cpu", productDType: precision });
  const known = { kind: "model", fileBytes: weightBytes(path), paper: paperCostOf(config) } as const;
  return { ...encoderSubject(name, encoder, tokenizer, precision), ...known };
}

function shapeOf(name: string): Shape {
  const shape = SHAPES[name];
  if (shape !== undefined && SHAPE_NAMES.includes(name)) return shape; // Not what every object has: "toString".
  const advice = suggestion(name, SHAPE_NAMES);
  throw new ConfigError(`shapes: expected ${SHAPE_NAMES.join(", ")}; got ${JSON.stringify(name)}.${advice}`);
}

function encoderShape(config: EncoderConfig): Shape {
  return {
    tokens: "word pieces",
    open: (name, { tokenizer, precision }) => {
      if (tokenizer === null) throw new ConfigError(`${name} reads word pieces: expected a tokenizer, got none.`);
      checkTokenizerFits("--tokenizer", tokenizer, config);
      return encoderSubject(name, new Encoder(config).materialise(), tokenizer, precision);
    },
  };
}

function encoderSubject(name: string, encoder: Encoder, tokenizer: Tokenizer, precision: MeasurePrecision): Subject {
  castProducts(encoder, precision);
  const { config } = encoder;
  const pass = ({ inputIds, tokenTypeIds, B, S }: PaddedSequences) => {
    const whole = (values: Int32Array | Uint8Array) => tensor(values, { shape: [B, S], dtype: "int64" });
    const input = {
      inputIds: whole(inputIds),
      mask: null,
      tokenTypeIds: config.tokenTypes > 0 ? whole(tokenTypeIds) : null,
    };
    const hidden = encoder.forward(input, { training: false });
    if (config.pooler) encoder.pool(hidden);
  };
  return {
    name,
    kind: "shape",
    runtime: "libtorch",
    parameters: encoder.parameterCount(),
    fileBytes: null,
    tokens: "word pieces",
    hasPooler: config.pooler,
    paper: paperCostOf(config),
    read: async (pairs) => {
      const texts = await tokenizer.encodeIds(pairs.flatMap(({ first, second }) => [first, second]));
      const sequences = pairs.map((_, i) => {
        const [first, second] = texts.slice(2 * i, 2 * i + 2) as [Uint32Array, Uint32Array];
        return sequenceOf({ first, second }, tokenizer.ids, config.maxPositions);
      });
      const batches = sequences.map((sequence) => padded([sequence], tokenizer.ids.pad));
      return {
        lengths: sequences.map(({ ids }) => ids.length),
        cutPairs: sequences.filter(({ isCut }) => isCut).length,
        pass: (pair) => inference(precision, () => pass(batches[pair] as PaddedSequences)),
      };
    },
    passBatch: ({ B, S }) => {
      const ids = Int32Array.from({ length: S }, (_, i) => (i * 7919) % tokenizer.vocabSize);
      const batch = padded(new Array(B).fill({ ids, secondAt: S }), tokenizer.ids.pad);
      inference(precision, () => pass(batch));
    },
    [Symbol.dispose]: () => encoder.dispose(),
  };
}

/** Each sentence by itself, as ELMo's users have it: two passes a pair. */
function elmoSubject(name: string, precision: MeasurePrecision): Subject {
  const elmo = new Elmo(elmoOriginal).materialise();
  castProducts(elmo, precision);
  const { maxCharacters } = elmo.config;
  const pass = (sentence: Int32Array) => {
    const shape = [1, sentence.length / maxCharacters, maxCharacters];
    elmo.forward(tensor(sentence, { shape, dtype: "int64" }));
  };
  return {
    name,
    kind: "shape",
    runtime: "libtorch",
    parameters: elmo.parameterCount(),
    fileBytes: null,
    tokens: "words",
    hasPooler: false,
    paper: PAPER_COSTS.elmo,
    read: async (pairs) => {
      const read = pairs.map(({ first, second }) =>
        [first, second].map((text) => elmoCharacterIds(elmoWords(text), maxCharacters)),
      );
      return {
        lengths: read.map((pair) => pair.reduce((sum, { length }) => sum + length / maxCharacters, 0)),
        cutPairs: 0,
        pass: (pair) => {
          for (const sentence of read[pair] ?? []) inference(precision, () => pass(sentence));
        },
      };
    },
    passBatch: null, // Its sentences are of words.
    [Symbol.dispose]: () => elmo.dispose(),
  };
}

/** Runs a pass as it would be served, and frees what it made. */
function inference(precision: MeasurePrecision, body: () => void): void {
  tidy(() => noGrad(() => autocast(precision, "cpu", body)));
}

/** The paper's row for an encoder of this shape, whatever its vocabulary. */
export function paperCostOf(config: EncoderConfig): PaperCost | null {
  const isOf = (shape: EncoderConfig) =>
    (["tokenTypes", "layers", "hiddenSize", "intermediateSize"] as const).every((key) => config[key] === shape[key]);
  if (isOf(bertBase)) return PAPER_COSTS.bertBase;
  return isOf(distilBertBase) ? PAPER_COSTS.distilBert : null;
}

function weightBytes(folder: string): number {
  const files = readdirSync(folder).filter((name) => /^model.*\.safetensors$/.test(name));
  return files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
