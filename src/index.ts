/**
 * Limbeck as a library: what the commands do, as functions.
 *
 * ```ts
 * import { distill, distillRecipeNamed, prepare } from "limbeck";
 *
 * await prepare({ corpus: ["corpus.txt"], tokenizer: "teacher", out: "data" });
 * const { model, heldOut } = await distill({
 *   recipe: distillRecipeNamed("nano", { steps: 1000 }),
 *   teacher: "teacher",
 *   data: "data",
 *   out: "run",
 *   resume: false,
 *   device: "cpu",
 *   heldOutSequences: 256,
 *   cadence: { logEverySteps: 10, evaluateEverySteps: 100, saveEverySteps: 500, saveEveryMinutes: 10 },
 *   observer: { estimate() {}, step: console.log, evaluation() {}, saved() {} },
 *   onTeacher: console.log,
 * });
 * ```
 *
 * Importing it loads libtorch. Every error thrown on purpose is a LimbeckError, whose message is one line.
 *
 * @packageDocumentation
 */

// Models.
export { type LoadedModel, loadMaskedLm, saveMaskedLm } from "./checkpoint/model.js";
export { type LoadedTaskModel, loadTaskModel, saveTaskModel } from "./checkpoint/task-model.js";
// Text to tokens.
export { type Corpus, readCorpus } from "./data/corpus.js";
export { type Dataset, openDataset } from "./data/dataset.js";
export type { DatasetManifest } from "./data/manifest.js";
export { type PrepareOptions, type PrepareProgress, prepare } from "./data/prepare.js";
// Training.
export { type DistillOptions, type DistillResult, distill } from "./distill/distill.js";
export { type DistillRecipe, distillRecipe } from "./distill/recipe.js";
// Errors.
export {
  ConfigError,
  FormatError,
  LifetimeError,
  LimbeckError,
  NativeError,
  RunError,
  ShapeError,
  StorageError,
} from "./errors.js";
// ONNX.
export { type ExportOptions, type ExportResult, exportModel } from "./export/export.js";
export { bertBase, bertForMaskedLm, bertModel } from "./models/bert.js";
export { type EncoderConfig, fromHuggingFace, toHuggingFace } from "./models/config.js";
export { distilBertBase, distilBertForMaskedLm, distilBertModel, studentConfig } from "./models/distilbert.js";
export { Encoder, type EncoderInput } from "./models/encoder.js";
export { MaskedLm } from "./models/masked-lm.js";
export { QuestionAnswering } from "./models/question-answering.js";
export { SequenceClassifier } from "./models/sequence-classifier.js";
export { distillRecipeNamed, finetuneRecipeNamed, pretrainRecipeNamed, recipes } from "./recipes/recipes.js";
// The paper's tables.
export { type AblateOptions, type AblateReport, ablate } from "./report/ablate.js";
export { writeFinetuneReport } from "./report/finetune.js";
export { type GlueOptions, type GlueReport, glueReport } from "./report/glue.js";
export { type MeasureOptions, type MeasureReport, measure } from "./report/measure.js";
export { type SeedsReport, seedsReport } from "./report/seeds.js";
// Tasks.
export { type EvaluateOptions, evaluateModel, type ModelResult } from "./tasks/evaluate-model.js";
export { type FinetuneOptions, finetune, type TaskEvaluation } from "./tasks/finetune.js";
export { type MetricName, scoreOf, textMetrics } from "./tasks/metrics/metrics.js";
export { questionMetrics } from "./tasks/metrics/squad.js";
export { findGlueTasks, openTask, TASK_NAMES } from "./tasks/open.js";
export { writeGlueSubmission, writeSquadPredictions } from "./tasks/predictions.js";
export { type FinetuneRecipe, finetuneRecipe } from "./tasks/recipe.js";
export type { FinetuneResult } from "./tasks/result.js";
export type { Split, Task, TaskData } from "./tasks/task.js";
export { type OwnTaskOptions, ownTask } from "./tasks/texts/own.js";
// Tensors.
export { autocast, backward, noGrad } from "./tensor/autograd.js";
export { arange, fromBytes, full, ones, tensor, zeros } from "./tensor/create.js";
export { type EngineInfo, engineInfo, setThreads } from "./tensor/device.js";
export type { DType } from "./tensor/dtype.js";
export { manualSeed } from "./tensor/random.js";
export { keep, liveTensors, TensorScope, tidy } from "./tensor/scope.js";
export { Tensor } from "./tensor/tensor.js";
export { loadTokenizer, type Tokenizer } from "./text/tokenizer.js";
export { trainWordPiece, type WordPieceOptions, type WordPieceProgress } from "./text/wordpiece.js";
export { evaluateHeldOut, type HeldOutResult } from "./train/evaluate.js";
export { type Cadence, Interrupted, type Observer, type StepRecord } from "./train/loop.js";
export { pretrain } from "./train/pretrain.js";
export { type PretrainRecipe, pretrainRecipe } from "./train/pretrain-recipe.js";
export type { Profile, ProfileRow } from "./train/profile.js";
export { parseRecipe } from "./train/recipe.js";
export type { Estimate, SessionOptions, SessionResult } from "./train/session.js";
export type { StepProfile } from "./train/step-profiler.js";
