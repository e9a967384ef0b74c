import type { MaskedBatch } from "../../data/masked-batches.js";
import { FlatParameters } from "../../engine/optim/flat-parameters.js";
import { autocast, backward, noGrad } from "../../engine/tensor/autograd.js";
import { tensor } from "../../engine/tensor/create.js";
import type { DType } from "../../engine/tensor/dtype.js";
import { phase } from "../../engine/tensor/profile.js";
import { manualSeed } from "../../engine/tensor/random.js";
import { TensorScope } from "../../engine/tensor/scope.js";
import type { Tensor } from "../../engine/tensor/tensor.js";
import { ConfigError } from "../../errors.js";
import { bertBase } from "../../families/bert.js";
import type { EncoderConfig } from "../../families/config.js";
import { familyNamed } from "../../families/families.js";
import { formatModelCard } from "../../hub/card.js";
import { loadModelTokenizer, loadModelWeights, readEncoderConfig } from "../../hub/model-loading.js";
import { KIND_RECORDS } from "../../kinds/kinds.js";
import { MaskedLm } from "../../models/masked-lm.js";
import { percent, whole } from "../../quantities.js";
import { type PretrainRecipe, pretrainRecipe } from "../../recipes/pretrain-recipe.js";
import { checkPositions, productDType } from "../../recipes/training-recipe.js";
import { chooseRecipe, type RecipeChoice } from "../../runs/choose-recipe.js";
import { keepEnvironment } from "../../runs/environment.js";
import { hasCheckpoint } from "../../runs/run.js";
import { keepSources, readSources } from "../../runs/sources.js";
import type { HeldOutResult } from "../loop/evaluate-held-out.js";
import { rowsAt, toMicroBatch } from "../loop/micro-batch.js";
import { type Objective, type StepCounts, shareOf } from "../loop/objective.js";
import { runSession, type SessionOptions, type SessionResult, sessionOf, takeRun } from "../loop/session.js";
import { checkSameTokenizer, datasetOf, openCorpus, type TrainingCorpus } from "../loop/training-corpus.js";
import { vocabularyLosses } from "../loop/vocabulary-losses.js";

/** The BERT that a recipe asks for. */
export function pretrainConfig(recipe: PretrainRecipe, vocabSize: number, padTokenId: number): EncoderConfig {
  const { layers, hiddenSize, heads, intermediateSize, maxPositions, dropout, initializerRange } = recipe;
  return {
    ...bertBase,
    vocabSize,
    hiddenSize,
    layers,
    heads,
    intermediateSize,
    maxPositions,
    pooler: false,
    dropout,
    attentionDropout: dropout,
    initializerRange,
    padTokenId,
  };
}

/**
 * Masked language modelling alone, without next-sentence prediction; the head reads the masked positions only.
 *
 * Source: Devlin et al. 2019, section 3.1; no NSP as in Liu et al. 2019, section 4.2.
 */
export class MaskedLmObjective implements Objective, Disposable {
  readonly model: MaskedLm;
  readonly parameters: FlatParameters;
  readonly losses = [{ name: "mlm", weight: 1 }];
  readonly #productDType: DType;
  readonly #device: string;

  constructor(config: EncoderConfig, options: { seed: number; productDType: DType; device: string }) {
    this.#productDType = options.productDType;
    this.#device = options.device;
    this.model = new MaskedLm(config);
    manualSeed(options.seed);
    this.parameters = new FlatParameters(this.model, { device: options.device });
  }

  microStep(batch: MaskedBatch, counts: StepCounts): Tensor {
    const { input, positions, labels, M } = phase("data", () => toMicroBatch(batch, this.#device));
    const dtype = this.#productDType;
    const perMasked = shareOf(counts.maskedCount);
    const forward = () => {
      const hidden = this.model.encoder.forward(input, { training: true });
      return this.model.transform(rowsAt(hidden, positions.narrow(0, 0, M)));
    };
    const transformed = phase("forward", () => autocast(dtype, this.#device, forward));
    const { mlm, rowsGradient } = vocabularyLosses({
      student: { rows: transformed.detach(), weight: this.model.outputWeight, bias: this.model.head.bias.value },
      teacher: null,
      labels,
      temperature: 1,
      ceScale: 0,
      mlmScale: perMasked,
      weightGradient: this.parameters.view(this.parameters.gradients, "embeddings.word.weight"),
      biasGradient: this.parameters.view(this.parameters.gradients, "mlm.bias"),
      productDType: dtype,
    });
    phase("backward", () => backward([transformed], [rowsGradient.to(transformed.dtype)]));
    return mlm.mul(perMasked).view([1]);
  }

  [Symbol.dispose](): void {
    this.model.dispose();
    this.parameters.dispose();
  }
}

export interface PretrainOptions extends SessionOptions, RecipeChoice<PretrainRecipe> {
  /** A dataset that `prepare` made. Default: of a resumed run its own. */
  data?: string | undefined;
  /** Of the held-out text, to evaluate on. Default: 256. */
  heldOutSequences?: number | undefined;
}

/**
 * Pretrains a BERT on a prepared corpus; the result is a model folder in the run directory.
 *
 * @throws ConfigError or FormatError when the recipe, the data, initFrom or the run directory do not fit
 * @throws Interrupted when the signal aborts, after saving
 */
export async function pretrain(options: PretrainOptions): Promise<SessionResult> {
  const session = sessionOf(options);
  const { out, resume, device } = session;
  const recipe = chooseRecipe(options, { kind: "pretrain", schema: pretrainRecipe, defaultName: "tiny-teacher" });
  const data = datasetOf(options.data, resume ? readSources(out) : null);
  checkPositions(recipe, { count: recipe.maxPositions, source: "maxPositions" });
  checkTiling(recipe);
  using corpus = await openCorpus(data, recipe, options);
  const { vocabSize, ids } = corpus.tokenizer;
  const config = pretrainConfig(recipe, vocabSize, ids.pad);
  using objective = new MaskedLmObjective(config, { seed: recipe.seed, productDType: productDType(recipe), device });
  if (recipe.positions === "sinusoidal") startPositionsSinusoidal(objective.model);
  // Before the run directory is made: a wrong name leaves none behind. A run that has saved needs the model no more.
  const hasWeights = resume && hasCheckpoint(out);
  if (recipe.initFrom !== null && !hasWeights) await initFrom(recipe.initFrom, objective.model, corpus);
  if (recipe.tilePositions !== null && !hasWeights) tilePositions(objective.model, recipe.tilePositions);
  using run = takeRun(session, recipe);
  keepSources(run.directory, { data, teacher: null });
  keepEnvironment(run, device);
  return await runSession(run, recipe, corpus, objective, {
    ...session,
    card: (heldOut) => pretrainCard(recipe, objective.model, corpus, heldOut),
  });
}

/**
 * Fills the position table with sinusoids, scaled to the size the other embeddings start with.
 *
 * PE[p, 2i] = sin(p / 10000^(2i / D)), PE[p, 2i + 1] = cos of the same.
 *
 * Source: Vaswani et al. 2017, section 3.5.
 */
export function startPositionsSinusoidal({ config, encoder }: MaskedLm): void {
  using _scope = new TensorScope();
  const { maxPositions, hiddenSize, initializerRange } = config;
  const scale = initializerRange * Math.SQRT2; // A sinusoid's root mean square is 1 / √2.
  const table = Float32Array.from({ length: maxPositions * hiddenSize }, (_, k) => {
    const [position, column] = [Math.floor(k / hiddenSize), k % hiddenSize];
    const angle = position / 10_000 ** ((column - (column % 2)) / hiddenSize);
    return scale * (column % 2 === 0 ? Math.sin(angle) : Math.cos(angle));
  });
  noGrad(() => encoder.embeddings.positions.copy_(tensor(table, { shape: [maxPositions, hiddenSize] })));
}

function checkTiling({ tilePositions: length, initFrom: source, maxPositions }: PretrainRecipe): void {
  if (length === null) return;
  if (source === null) {
    throw new ConfigError("tilePositions: expected null without initFrom: there are no learned positions to copy.");
  }
  if (length >= maxPositions) {
    throw new ConfigError(`tilePositions: expected less than maxPositions = ${maxPositions}, got ${length}.`);
  }
}

/** Starts every position p ≥ `length` as position p mod `length`. */
export function tilePositions({ config, encoder }: MaskedLm, length: number): void {
  using _scope = new TensorScope();
  const table = encoder.embeddings.positions;
  noGrad(() => {
    for (let start = length; start < config.maxPositions; start += length) {
      const rows = Math.min(length, config.maxPositions - start);
      table.narrow(0, start, rows).copy_(table.narrow(0, 0, rows));
    }
  });
}

/** Copies a model of the same width and equal or smaller depth, its layers repeated as often as they are needed. */
async function initFrom(source: string, model: MaskedLm, corpus: TrainingCorpus): Promise<void> {
  const given = await readEncoderConfig(source);
  const { layers } = given;
  for (const key of [
    "tokenTypes",
    "hiddenSize",
    "heads",
    "intermediateSize",
    "maxPositions",
    "positionOffset",
    "activation",
  ] as const) {
    if (given[key] === model.config[key]) continue;
    throw new ConfigError(`initFrom: expected ${key} ${model.config[key]}, got ${given[key]} in ${source}.`);
  }
  if (layers > model.config.layers) {
    throw new ConfigError(
      `initFrom: expected a model of at most ${model.config.layers} layers, got ${layers} in ${source}. Raise layers.`,
    );
  }
  checkSameTokenizer({ path: source, tokenizer: await loadModelTokenizer(source) }, corpus);
  await loadModelWeights(source, model, (name) =>
    name.replace(/^layers\.(\d+)\./, (_, layer) => `layers.${Number(layer) % layers}.`),
  );
}

function pretrainCard(recipe: PretrainRecipe, model: MaskedLm, corpus: TrainingCorpus, heldOut: HeldOutResult): string {
  const { train } = corpus.dataset.manifest.splits;
  const { title, modelType } = familyNamed(model.config);
  return formatModelCard({
    title: `${title}, ${recipe.layers} layers of ${recipe.hiddenSize}`,
    summary: `A ${title} pretrained with Limbeck by masked language modelling alone: dynamic masking, no next-sentence prediction.`,
    license: "apache-2.0",
    language: "en",
    tags: ["limbeck", modelType, KIND_RECORDS["masked-words"].hubPipeline],
    kind: "masked-words",
    facts: [
      ["parameters", whole(model.parameterCount())],
      ["training tokens in the corpus", whole(train.tokens)],
      ["optimizer steps", whole(corpus.totalSteps)],
      ["held-out masked-token accuracy", percent(heldOut.accuracy, 2)],
      ["held-out masked-token loss", `${heldOut.loss.toFixed(4)} nats`],
    ],
    sections: [{ heading: "Recipe", body: `\`\`\`json\n${JSON.stringify(recipe, null, 2)}\n\`\`\`` }],
  });
}
