import { fileURLToPath } from "node:url";
import type { Module } from "../../src/engine/nn/module.js";
import { fromBytes, tensor } from "../../src/engine/tensor/create.js";
import type { Tensor } from "../../src/engine/tensor/tensor.js";
import type { EncoderConfig } from "../../src/families/config.js";
import { fromHuggingFace } from "../../src/families/families.js";
import { toFileNames } from "../../src/families/family.js";
import { type ModelFolder, readModelFolder } from "../../src/hub/folder.js";
import { loadWeights, shapesOf } from "../../src/hub/model-loading.js";
import { openSafetensors, type SafetensorsFile } from "../../src/hub/safetensors.js";
import { Encoder, type EncoderInput } from "../../src/models/encoder.js";
import { MaskedLm } from "../../src/models/masked-lm.js";
import { noiseOf } from "../engine/tensor/dropout-reference.js";

/** The models that test/goldens/models.py makes. */
export const goldenNames = [
  "bert-mlm",
  "bert-mlm-gelu-new",
  "bert",
  "distilbert-mlm",
  "distilbert-mlm-relu",
  "distilbert",
] as const;

/** The encoder, with its masked-LM head where the golden has one. */
export function goldenModel(name: string): Golden<Encoder | MaskedLm> {
  return new Golden(`models/${name}`, (config, architecture) =>
    architecture.endsWith("Model") ? new Encoder(config) : new MaskedLm(config),
  );
}

/** A small random model, and what Python transformers computes with it. */
export class Golden<M extends Module> implements Disposable {
  readonly config: EncoderConfig;
  readonly hasHead: boolean;
  readonly cases: readonly string[];
  readonly #architecture: string;
  readonly #create: (config: EncoderConfig, architecture: string) => M;
  readonly #folder: ModelFolder;
  readonly #results: SafetensorsFile;

  /** @param name a folder in test/goldens */
  constructor(name: string, create: (config: EncoderConfig, architecture: string) => M) {
    const path = fileURLToPath(new URL(`../goldens/${name}`, import.meta.url));
    this.#folder = readModelFolder(path);
    this.#results = openSafetensors(`${path}.safetensors`);
    this.config = fromHuggingFace(this.#folder.config, path);
    [this.#architecture] = this.#folder.config.architectures as [string];
    this.#create = create;
    this.hasHead = !this.#architecture.endsWith("Model");
    this.cases = [...new Set(this.#results.names.map((each) => each.split(".")[0] as string))];
  }

  /** The model with its weights; gradients are recorded. */
  load(changes: Partial<EncoderConfig> = {}): M {
    const model = this.#create({ ...this.config, ...changes }, this.#architecture);
    model.materialise();
    this.#folder.weights.expect(shapesOf(model));
    loadWeights(model, this.#folder.weights);
    for (const [, { value }] of model.namedParameters()) value.requiresGrad_();
    return model;
  }

  input(name: string): EncoderInput {
    const real = this.has(`${name}.attentionMask`) ? this.tensor(`${name}.attentionMask`) : null;
    const mask = real === null ? null : additiveMask(real.toInt32Array(), real.dims(2));
    const tokenTypeIds = this.has(`${name}.tokenTypeIds`) ? this.tensor(`${name}.tokenTypeIds`) : null;
    const inputIds = this.tensor(`${name}.inputIds`);
    // Any noise will do: all is dropped, or nothing.
    return { inputIds, mask, tokenTypeIds, noiseKeys: noiseOf(1, { seed: 1, B: inputIds.dims(2)[0] }).keys };
  }

  has(name: string): boolean {
    return this.#results.has(name);
  }

  tensor(name: string): Tensor {
    const { shape, dtype } = this.#results.entry(name);
    return fromBytes(this.#results.read(name), shape, { dtype });
  }

  values(name: string): Float32Array {
    return new Float32Array(this.#results.read(name).buffer);
  }

  /** The gradient of the case's loss with respect to one of our parameters. */
  gradient(name: string, parameter: string): Float32Array {
    const theirs = toFileNames(this.#folder.family, parameter, { bare: !this.hasHead });
    const parts = theirs.map((each) => this.values(`${name}.grad.${each}`));
    return Float32Array.from(parts.flatMap((part) => [...part]));
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
    this.#results.close();
  }
}

export function encoderOf(model: Encoder | MaskedLm): Encoder {
  return model instanceof MaskedLm ? model.encoder : model;
}

/** f32 [B, 1, 1, S] as the encoder reads it, from 1 at real positions and 0 at padding. */
export function additiveMask(real: ArrayLike<number>, [B, S]: readonly [number, number]): Tensor {
  const values = Float32Array.from(real, (each) => (each === 1 ? 0 : Number.NEGATIVE_INFINITY));
  return tensor(values, { shape: [B, 1, 1, S] });
}
