import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { ConfigError } from "../errors.js";
import { saveTaskModel, type TaskModel } from "../hub/task-model.js";
import { scoreOf } from "../kinds/metrics/metrics.js";
import type { Split, Task } from "../kinds/task.js";
import { mean } from "../numbers.js";
import { checkLosses } from "../recipes/finetune-recipe.js";
import { checkPositions, productDType } from "../recipes/training-recipe.js";
import { keepEnvironment } from "../runs/environment.js";
import { discardCheckpoints, type Run } from "../runs/run.js";
import { keepSources } from "../runs/sources.js";
import { sha256Of } from "../storage/digest.js";
import { trainLoop } from "../training/loop/loop.js";
import { restoreBest } from "../training/loop/loop-state.js";
import { adamWOf, estimate, interruptible, takeRun } from "../training/loop/session.js";
import { type EvaluationOptions, evaluateSplit, type SplitResult } from "./evaluate-model.js";
import { type FinetuneOptions, type Finetuning, finetuningOf, type TaskEvaluation } from "./finetune-options.js";
import { finetunedCard } from "./finetuned-card.js";
import { type PreparedSplit, prepareSplit } from "./prepared.js";
import { type FinetuneResult, finishedRun, writeRunReport } from "./run-report.js";
import { loadTeacher, type Student, startStudent } from "./student-and-teacher.js";
import { type Feature, TaskSteps } from "./task-batches.js";
import { TaskObjective } from "./task-objective.js";

/**
 * Fine-tunes a model on a task, with a teacher as the second step of distillation; the result is a model folder and
 * report.json in the run directory. A run that is finished is not repeated when it is resumed.
 *
 * @throws ConfigError or FormatError when model, teacher, task, data, recipe or run directory do not fit together
 * @throws Interrupted when the signal aborts, after saving
 * Source: Sanh et al. 2019, sections 3 ("additional distillation") and 4.1
 */
export async function finetune(options: FinetuneOptions): Promise<FinetuneResult> {
  return run(await finetuningOf(options));
}

async function run(options: Finetuning): Promise<FinetuneResult> {
  const { recipe, device } = options;
  const { task } = options.data;
  const startedMs = performance.now();
  const finished = options.resume ? finishedRun(options) : null;
  if (finished !== null) return withModel(finished);
  checkLosses(recipe, options.teacher);
  using student = await startStudent(options);
  using teacher = options.teacher === null ? null : await loadTeacher(options.teacher, student, options);
  const settings = { productDType: productDType(recipe), device, microBatchTokens: recipe.microBatchTokens };
  const splits = await prepareSplits(options, student);
  const objective = new TaskObjective(task.kind, student, teacher?.model ?? null, { ...settings, recipe });
  using run = takeRun(options, recipe);
  keepSources(run.directory, sourcesOf(options, { student, teacher, splits }));
  keepEnvironment(run, device);
  const padId = student.tokenizer.ids.pad;
  const onProgress = (done: number, total: number) => options.observer.evaluating?.(done, total);
  const evaluate = (chosen: readonly PreparedSplit[]) =>
    evaluateSplits(student.model, task, chosen, { ...settings, padId, signal: options.signal, onProgress });
  const { selection } = splits;
  const { step, results } = await interruptible(run, options.signal, async () => {
    const during = () => evaluate(selection === null ? splits.evaluated : [selection]);
    const kept = await trainAndKeep(run, options, { objective, ...splits.train, padId, evaluate: during });
    // What the weights were not chosen on is seen once.
    return selection === null ? kept : { step: kept.step, results: await evaluate(splits.evaluated) };
  });
  const result: FinetuneResult = {
    run: run.directory,
    model: run.modelPath,
    task: task.name,
    step,
    score: summaryOf(task, results).score,
    metrics: Object.fromEntries(results.map(({ split, metrics }) => [split, metrics])),
    selection: selectionOf(task, splits),
    trainExamples: splits.train.exampleCount,
    skippedRows: allOf(splits).reduce((sum, { skipped }) => sum + skipped, 0),
  };
  const card = finetunedCard(task, recipe, result, options);
  await saveTaskModel(run.modelPath, student.model, { tokenizer: student.tokenizer, card, head: task });
  writeRunReport(run.directory, options, { ...result, elapsedMs: performance.now() - startedMs });
  discardCheckpoints(run.directory);
  return result;
}

/**
 * Trains to the last step, and puts the weights that are kept into the model.
 *
 * @returns their step, and what they achieve
 */
async function trainAndKeep(
  run: Run,
  options: Finetuning,
  {
    objective,
    features,
    padId,
    evaluate,
  }: { objective: TaskObjective; features: readonly Feature[]; padId: number; evaluate(): Promise<NamedResult[]> },
): Promise<{ step: number; results: readonly NamedResult[] }> {
  const { recipe, data, device, signal, observer, profile, resume, cadence } = options;
  using optimizer = adamWOf(recipe, objective.parameters);
  const steps = new TaskSteps(features, { ...recipe, padId });
  const totalSteps = recipe.steps ?? Math.ceil((recipe.epochs ?? 1) * steps.stepsPerEpoch);
  const evaluateEverySteps = Math.max(1, Math.ceil(steps.stepsPerEpoch / recipe.evaluationsPerEpoch));
  const batchesOf = (step: number) => steps.at(step);
  let kept: Kept | null = null;
  observer.estimate?.(await estimate(run, { totalSteps, batchesOf }, objective, signal));
  const { best } = await trainLoop({
    ...{ run, recipe, totalSteps, objective, optimizer, batchesOf, device, signal, observer, profile, resume },
    cadence: { ...cadence, evaluateEverySteps, evaluatesUntrained: false },
    evaluate: async (step) => {
      const results = await evaluate();
      const evaluation = summaryOf(data.task, results);
      if (recipe.keep === "last" || kept === null || evaluation.score > kept.score)
        kept = { step, score: evaluation.score, results };
      return evaluation;
    },
    keepBest: recipe.keep === "best" ? ({ score }) => score : undefined,
  });
  const step = best?.step ?? totalSteps;
  if (step !== totalSteps) restoreBest(run, objective.model);
  const known = kept as Kept | null; // Assigned in a closure. What was best before the run was resumed, it does not know.
  return known?.step === step ? known : { step, results: await evaluate() };
}

/** The best evaluation, or the last, that this process has made. */
interface Kept {
  readonly step: number;
  readonly score: number;
  readonly results: readonly NamedResult[];
}

/** @throws ConfigError when the run's model was removed since */
function withModel(result: FinetuneResult): FinetuneResult {
  if (existsSync(result.model)) return result;
  throw new ConfigError(
    `${result.model}: expected the model of this finished run, got nothing: another seed's was kept. Give a new --out to train it again.`,
  );
}

interface Splits {
  train: PreparedSplit;
  /** What chooses the weights, where `evaluated` must not. */
  selection: PreparedSplit | null;
  evaluated: readonly PreparedSplit[];
}

function allOf({ train, selection, evaluated }: Splits): PreparedSplit[] {
  return [train, ...(selection === null ? [] : [selection]), ...evaluated];
}

function selectionOf({ selection: chosen }: Task, { selection }: Splits): FinetuneResult["selection"] {
  return chosen === undefined || selection === null ? null : { ...chosen, exampleCount: selection.exampleCount };
}

async function prepareSplits(
  { data, recipe, skipBadRows }: Finetuning,
  { tokenizer, model }: Student,
): Promise<Splits> {
  checkPositions({ ...recipe, positionShift: 0 }, { count: model.config.maxPositions, source: "the model" });
  const prepare = (split: Split, limit: number | null = null) =>
    prepareSplit(data, split, tokenizer, { ...recipe, skipBadRows, limit });
  const evaluated = [];
  for (const split of data.task.evaluationSplits) evaluated.push(await prepare(split));
  const unlabelled = evaluated.find(({ isLabelled }) => !isLabelled);
  if (unlabelled !== undefined) {
    throw new ConfigError(
      `${data.task.name}: expected labels in the ${unlabelled.split} split, got none. Give the official one, or part of the training set.`,
    );
  }
  const { selection } = data.task;
  return {
    train: await prepare("train", recipe.trainExamples),
    selection: selection === undefined ? null : await prepare(selection.split),
    evaluated,
  };
}

/** What the run is made from: the model, the teacher, and a digest of everything that is read of the data. */
function sourcesOf(
  { data, dataPath, model, teacher }: Finetuning,
  used: { student: Student; teacher: { path: string } | null; splits: Splits },
) {
  function* read() {
    yield data.task.name;
    for (const { features } of allOf(used.splits)) {
      for (const { ids, targets } of features) yield* [ids, JSON.stringify(targets)];
    }
  }
  return {
    data: { path: resolve(dataPath), sha256: sha256Of(read()) },
    teacher: teacher === null || used.teacher === null ? null : { name: teacher, folder: used.teacher.path },
    model: { name: model, folder: used.student.path },
    task: data.task.name,
  };
}

type NamedResult = SplitResult & { readonly split: Split };

async function evaluateSplits(
  model: TaskModel,
  task: Task,
  splits: readonly PreparedSplit[],
  options: EvaluationOptions,
): Promise<NamedResult[]> {
  const results: NamedResult[] = [];
  for (const split of splits) {
    results.push({ split: split.split, ...(await evaluateSplit(model, task.kind, split, options)) });
  }
  return results;
}

/** One loss and one score over the splits, and every figure by its name; MNLI's two sets say which they are. */
function summaryOf(task: Task, results: readonly NamedResult[]): TaskEvaluation {
  const figures = results.flatMap(({ split, metrics }) => {
    const which = split.startsWith("validation_") ? `${split.charAt(11).toUpperCase()}${split.slice(12)}` : "";
    return Object.entries(metrics).map(([name, value]) => [`${name}${which}`, value] as const);
  });
  return {
    loss: mean(results.map(({ loss }) => loss ?? Number.NaN)),
    score: mean(results.map(({ metrics }) => scoreOf(task, metrics))),
    ...Object.fromEntries(figures),
  };
}
