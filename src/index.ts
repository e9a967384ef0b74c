/**
 * Limbeck as a library: what the commands do, as functions.
 *
 * ```ts
 * import { distill, prepare } from "limbeck";
 *
 * await prepare({ corpus: ["my-text"], tokenizer: "bert-base-uncased/", out: "data" });
 * const { model } = await distill({ teacher: "bert-base-uncased/", data: "data", out: "run", set: { steps: 1000 } });
 * ```
 *
 * Importing it opens nothing: libtorch is loaded where it is first needed. Every error thrown on purpose is a
 * LimbeckError, whose message is one line.
 *
 * @packageDocumentation
 */

export { type Dataset, openDataset } from "./data/dataset.js";
export type { DatasetManifest } from "./data/manifest.js";
export { type PrepareOptions, type PrepareProgress, prepare } from "./data/prepare.js";
// Text to tokens.
export { type Corpus, readCorpus } from "./data/readers/corpus.js";
export { type TokenizerProgress, type TrainTokenizerOptions, trainTokenizer } from "./data/train-tokenizer.js";
// Tensors.
export { autocast, backward, noGrad } from "./engine/tensor/autograd.js";
export { arange, fromBytes, full, ones, tensor, zeros } from "./engine/tensor/create.js";
export { type EngineInfo, engineInfo, setThreads } from "./engine/tensor/device.js";
export type { DType } from "./engine/tensor/dtype.js";
export { manualSeed } from "./engine/tensor/random.js";
export { keep, liveTensors, TensorScope, tidy } from "./engine/tensor/scope.js";
export { Tensor } from "./engine/tensor/tensor.js";
// Errors.
export {
  ConfigError,
  FormatError,
  Interrupted,
  LifetimeError,
  LimbeckError,
  NativeError,
  RunError,
  ShapeError,
  StorageError,
} from "./errors.js";
// The paper's tables.
export type { AblateReport } from "./experiments/ablate.js";
export type { GlueReport } from "./experiments/glue.js";
export { type MeasureOptions, measure } from "./experiments/measure/measure.js";
export type { MeasureProgress, MeasureReport } from "./experiments/measure/timing.js";
export {
  type AblateTableOptions,
  ablate,
  type GlueTable,
  type GlueTableOptions,
  glue,
  type StageProgress,
} from "./experiments/paper-tables.js";
export { type SeedsOptions, type SeedsReport, seedsReport } from "./experiments/seeds.js";
// ONNX.
export { type ExportOptions, type ExportResult, exportModel } from "./export/export.js";
export { bertBase } from "./families/bert.js";
export type { EncoderConfig } from "./families/config.js";
export { distilBertBase } from "./families/distilbert.js";
export { fromHuggingFace, registerFamily, studentConfig, toHuggingFace } from "./families/families.js";
export type { Family, ParameterNames, StudentShape } from "./families/family.js";
// Models.
export { type LoadedModel, loadMaskedLm, saveMaskedLm } from "./hub/model-loading.js";
export { type LoadedTaskModel, loadTaskModel, saveTaskModel } from "./hub/task-model.js";
export { type MetricName, scoreOf, textMetrics } from "./kinds/metrics/metrics.js";
export { questionMetrics } from "./kinds/metrics/squad-metrics.js";
export type { Split, Task, TaskData } from "./kinds/task.js";
export { Encoder, type EncoderInput } from "./models/encoder.js";
export { MaskedLm } from "./models/masked-lm.js";
export { QuestionAnswering } from "./models/question-answering.js";
export { SequenceClassifier } from "./models/sequence-classifier.js";
export { type PagedReport, writePage } from "./pages/reports/reports.js";
export { type Cadence, defaultCadence } from "./recipes/cadence.js";
export { type DistillRecipe, distillRecipe } from "./recipes/distill-recipe.js";
export { type FinetuneRecipe, finetuneRecipe } from "./recipes/finetune-recipe.js";
export { type PretrainRecipe, pretrainRecipe } from "./recipes/pretrain-recipe.js";
export { distillRecipeNamed, finetuneRecipeNamed, pretrainRecipeNamed, recipes } from "./recipes/recipes.js";
export { parseRecipe } from "./recipes/training-recipe.js";
export { type Report, type ReportOf, readReport } from "./runs/report.js";
// Tasks.
export { type Evaluated, type EvaluateOptions, evaluate, type ModelResult } from "./tasks/evaluate-model.js";
export { finetune } from "./tasks/finetune.js";
export type { FinetuneOptions, TaskEvaluation } from "./tasks/finetune-options.js";
export { findGlueTasks, openTask, TASK_NAMES } from "./tasks/open.js";
export { writeGlueSubmission, writeSquadPredictions } from "./tasks/predictions.js";
export type { FinetuneResult } from "./tasks/run-report.js";
export { type OwnTaskOptions, ownTask } from "./tasks/texts/own.js";
export { loadTokenizer, type Tokenizer } from "./text/tokenizer.js";
export { trainWordPiece, type WordPieceOptions, type WordPieceProgress } from "./text/wordpiece.js";
// Training.
export { type DistillOptions, type DistillResult, distill } from "./training/distill/distill.js";
export { evaluateHeldOut, type HeldOutResult } from "./training/loop/evaluate-held-out.js";
export type { Observer, StepRecord } from "./training/loop/loop.js";
export type { Profile, ProfileRow } from "./training/loop/profile-summary.js";
export type { RunProgress } from "./training/loop/progress.js";
export type { Estimate, SessionOptions, SessionResult } from "./training/loop/session.js";
export type { StepProfile } from "./training/loop/step-profiler.js";
export { type PretrainOptions, pretrain } from "./training/pretrain/pretrain.js";
