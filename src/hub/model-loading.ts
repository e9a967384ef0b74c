import type { Module } from "../engine/nn/module.js";
import { noGrad } from "../engine/tensor/autograd.js";
import { fromBytes } from "../engine/tensor/create.js";
import type { DType } from "../engine/tensor/dtype.js";
import { releaseMemory, TensorScope, tidy } from "../engine/tensor/scope.js";
import type { Tensor } from "../engine/tensor/tensor.js";
import { ConfigError, FormatError } from "../errors.js";
import type { EncoderConfig } from "../families/config.js";
import { architectureOf, toHuggingFace } from "../families/families.js";
import { KIND_RECORDS } from "../kinds/kinds.js";
import { MaskedLm } from "../models/masked-lm.js";
import { loadTokenizer, type Tokenizer } from "../text/tokenizer.js";
import { type ModelFolder, readModelFolder, writeModelFolder } from "./folder.js";
import { resolveModel } from "./hub.js";
import type { TensorReader, TensorSource } from "./safetensors.js";

const MASKED_LM = KIND_RECORDS["masked-words"].modelClass;

const EMBEDDINGS = /(^|\.)embeddings\./;

/** Named tensors that can be read: a model folder's weights, or a checkpoint's. */
type ReadableWeights = Pick<TensorReader, "entry" | "read">;

export interface LoadedModel {
  /** The folder it was read from. */
  path: string;
  model: MaskedLm;
  tokenizer: Tokenizer;
}

/**
 * Reads a model that predicts masked tokens, with its tokenizer.
 *
 * @param source a folder or a Hub id
 * @param options.productDType weights of matrix products are held in this dtype; embeddings, norms and biases in f32
 * @throws FormatError when a file is missing, foreign or does not fit the others
 */
export async function loadMaskedLm(
  source: string,
  options: { device: string; productDType: DType },
): Promise<LoadedModel> {
  const path = await resolveModel(source);
  using folder = readModelFolder(path);
  const model = new MaskedLm(folder.encoder);
  refuseBareEncoder(folder);
  folder.weights.expect(shapesOf(model));
  const tokenizer = await loadTokenizer(path);
  checkTokenizerFits(path, tokenizer, model.config);
  return { path, model: withWeights(model, folder.weights, options), tokenizer };
}

/** Gives a model its values. None are drawn first: a model that is read leaves the generator where it was. */
export function withWeights<M extends Module>(
  model: M,
  weights: ReadableWeights,
  { device, productDType }: { device: string; productDType: DType },
): M {
  try {
    for (const [name, parameter] of model.namedParameters()) {
      parameter.assign(tidy(() => readTensor(weights, name, device).to("float32")));
    }
    castProducts(model, productDType);
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** @throws ConfigError when a tokenizer gives ids that a model does not embed */
export function checkTokenizerFits(path: string, { vocabSize }: Tokenizer, config: EncoderConfig): void {
  if (vocabSize <= config.vocabSize) return;
  throw new ConfigError(
    `${path}: the tokenizer has ${vocabSize} tokens, the model embeds only ${config.vocabSize}. They belong to different models.`,
  );
}

/** Holds the weights of matrix products in `dtype` from now on; embeddings, norms and biases stay as they are. */
export function castProducts(model: Module, dtype: DType): void {
  const others = [...model.namedParameters()].filter(([name, { spec, value }]) => {
    return spec.shape.length === 2 && !EMBEDDINGS.test(name) && value.dtype !== dtype;
  });
  for (const [, parameter] of others) parameter.assign(tidy(() => parameter.value.to(dtype)));
  if (others.length > 0) releaseMemory(); // A third of a gigabyte for BERT-base, in blocks that little else would take.
}

function refuseBareEncoder({ path, weights, config, family }: ModelFolder): void {
  if (weights.names.some((name) => name.startsWith("mlm."))) return;
  throw new FormatError(
    path,
    `expected a model with a masked-LM head, got ${JSON.stringify(config.architectures ?? "none")} without one. Give a ${architectureOf(family, MASKED_LM)}.`,
  );
}

/** Reads only the shape of a model. */
export async function readEncoderConfig(source: string): Promise<EncoderConfig> {
  using folder = readModelFolder(await resolveModel(source));
  return folder.encoder;
}

/** Reads only the tokenizer of a model. */
export async function loadModelTokenizer(source: string): Promise<Tokenizer> {
  return loadTokenizer(await resolveModel(source));
}

/**
 * Reads a model folder's weights into a module of the same shape.
 *
 * @param source a folder or a Hub id
 * @param nameIn what the source calls one of the module's parameters, where that differs
 * @throws FormatError when parameters are missing, unexpected, or of another shape
 */
export async function loadModelWeights(
  source: string,
  module: Module,
  nameIn: (name: string) => string = (name) => name,
): Promise<void> {
  using folder = readModelFolder(await resolveModel(source));
  folder.weights.expect(new Map([...shapesOf(module)].map(([name, shape]) => [nameIn(name), shape])));
  loadWeights(module, folder.weights, { nameIn });
}

/**
 * Copies weights, by name, into a module's parameters.
 *
 * @param options.nameIn what the source calls one of the module's parameters, where that differs
 * @param options.where which of the parameters; all of them without it
 */
export function loadWeights(
  module: Module,
  weights: ReadableWeights,
  options: { nameIn?: (name: string) => string; where?: (name: string) => boolean } = {},
): void {
  const { nameIn = (name) => name, where = () => true } = options;
  for (const [name, parameter] of module.namedParameters()) {
    if (!where(name)) continue;
    using _scope = new TensorScope();
    const value = readTensor(weights, nameIn(name), parameter.value.device);
    noGrad(() => parameter.value.copy_(value));
  }
}

function readTensor(weights: ReadableWeights, name: string, device: string): Tensor {
  const { dtype, shape } = weights.entry(name);
  return fromBytes(weights.read(name), shape, { dtype, device });
}

/** A module's parameters as they are written: one at a time, in `dtype`. */
export function* parameterEntries(module: Module, dtype: DType = "float32"): Generator<[string, TensorSource]> {
  for (const [name, parameter] of module.namedParameters()) {
    yield [name, { dtype, shape: parameter.spec.shape, bytes: () => bytesIn(parameter.value, dtype) }];
  }
}

function bytesIn(value: Tensor, dtype: DType): Uint8Array {
  using _scope = new TensorScope();
  return value.to(dtype).toBytes();
}

/** Our names of a module's parameters, with their shapes. */
export function shapesOf(module: Module): Map<string, readonly number[]> {
  return new Map([...module.namedParameters()].map(([name, { spec }]) => [name, spec.shape]));
}

/** Writes a model folder that Hugging Face's tools load: weights, config.json, tokenizer and card. */
export async function saveMaskedLm(
  path: string,
  model: MaskedLm,
  options: { tokenizer: Tokenizer; card: string; dtype?: DType },
): Promise<void> {
  const dtype = options.dtype ?? "float32";
  await writeModelFolder({
    path,
    config: { ...toHuggingFace(model.config, MASKED_LM), dtype },
    tensors: parameterEntries(model, dtype),
    card: options.card,
    saveTokenizer: (folder) => options.tokenizer.save(folder, { maxLength: model.config.maxPositions }),
  });
}
