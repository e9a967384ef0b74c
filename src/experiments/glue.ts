import { join } from "node:path";
import { ConfigError } from "../errors.js";
import type { Split } from "../kinds/task.js";
import { mean } from "../numbers.js";
import { type ModelScores, type ReportOf, reportHead, type Spread, writeReport } from "../runs/report.js";
import { type GluePredictions, writeGlueSubmission } from "../tasks/predictions.js";
import { GLUE_TASKS } from "../tasks/texts/glue-layouts.js";
import { splitsIn, textTaskFolder } from "../tasks/texts/text-folder.js";
import { type Job, runJobs } from "./jobs.js";
import { bestRun, keepBestModel } from "./seeds.js";
import { spreadOf } from "./statistics.js";
import {
  finishedTaskRuns,
  jobOf,
  keptModel,
  modelNames,
  type PresentTask,
  presentTasks,
  readTaskRun,
  reportedEntries,
  type SeriesOptions,
  type TaskEntry,
  type TaskJob,
  takeReportFolder,
} from "./task-runs.js";

export interface GlueOptions extends SeriesOptions {
  /** A model folder or a Hub id. */
  readonly model: string;
  /** The one whose share it keeps; null compares with nothing. */
  readonly compare: string | null;
  /** Milliseconds of a pass at batch size 1, of each model; null draws no scatter. */
  readonly latenciesMs: ((models: readonly string[]) => Promise<readonly number[]>) | null;
}

export type GlueReport = ReportOf<"glue">;
type ModelTask = ModelScores["tasks"][number];

/**
 * Fine-tunes a model, and one to compare it with, on every task with every seed, and reports as the paper's Table 1.
 *
 * Runs are OUT/<model>/<task>/seed-<n>; those that are finished are not repeated when it is resumed. Of each model and
 * task the fine-tuned model of the best score stays. Leaves OUT/report.json.
 *
 * @throws ConfigError when there is no task, the folder is in use or holds something else, or settings differ
 * @throws Interrupted when the signal aborts
 */
export async function glueReport(options: GlueOptions): Promise<GlueReport> {
  const { out, settings, seeds, command } = options;
  const tasks = presentTasks(options.tasks);
  using _folder = takeReportFolder(out, { kind: "glue", ...settings }, options.resume);
  const models = options.compare === null ? [options.model] : [options.model, options.compare];
  const names = modelNames(models);
  const plans = models.map((model, i) => ({ model, name: names[i] ?? model }));
  await runJobs(
    plans.flatMap((plan) => jobsOf(plan, tasks, options)),
    options,
  );
  const latencies = (await options.latenciesMs?.(models)) ?? [];
  const scores = plans.map((plan, i) => ({ ...scoresOf(plan, tasks, options), latencyMs: latencies[i] ?? null }));
  const [student, teacher = null] = scores;
  if (student === undefined) throw new ConfigError("expected a model, got none.");
  const report: GlueReport = {
    ...reportHead({ command, seeds }),
    kind: "glue",
    settings,
    tasks: reportedEntries(options.tasks),
    student,
    teacher,
    kept: teacher && shareKept(student, teacher),
  };
  writeReport(out, report);
  return report;
}

type Plan = Pick<ModelScores, "model" | "name">;

function taskJob(
  { model, name }: Plan,
  { name: task, data }: PresentTask,
  seed: number,
  options: GlueOptions,
): TaskJob {
  return { model, data, seed, out: join(options.out, name, task, `seed-${seed}`), resume: options.resume };
}

function jobsOf(plan: Plan, tasks: readonly PresentTask[], options: GlueOptions): Job[] {
  return tasks.flatMap((task) => {
    const runs = options.seeds.map((seed) => taskJob(plan, task, seed, options));
    return runs.map((run) =>
      jobOf(run, {
        label: `${plan.name} ${task.title} seed ${run.seed}`,
        kind: `${plan.name} ${task.name}`,
        runTask: options.runTask,
        tidy: () => {
          if (!options.keepModels) keepBestModel(finishedTaskRuns(runs));
        },
      }),
    );
  });
}

function scoresOf(plan: Plan, present: readonly PresentTask[], options: GlueOptions): Omit<ModelScores, "latencyMs"> {
  const tasks = present.map((task): ModelTask => {
    const runs = options.seeds.map((seed) => readTaskRun(taskJob(plan, task, seed, options), task.data.task));
    return { task: task.name, runs, score: spreadOf(runs.map(({ score }) => score)) };
  });
  return { ...plan, tasks, macro: mean(tasks.map(({ score }) => score.median)), macroSpread: macroSpread(tasks) };
}

/** Of the mean over tasks, run by run: the i-th runs of all tasks have the same seed. */
export function macroSpread(tasks: readonly Pick<ModelTask, "runs">[]): Spread {
  const [first] = tasks;
  const macros = (first?.runs ?? []).map((_, i) => mean(tasks.map(({ runs }) => runs[i]?.score ?? Number.NaN)));
  return spreadOf(macros);
}

function shareKept(student: ModelScores, teacher: ModelScores): GlueReport["kept"] {
  const shares = student.tasks.flatMap(({ task, score }, i): [string, number][] => {
    const whole = teacher.tasks[i]?.score.median ?? 0;
    return whole > 0 ? [[task, score.median / whole]] : [];
  });
  return teacher.macro > 0 ? { macro: student.macro / teacher.macro, tasks: Object.fromEntries(shares) } : null;
}

/** A test set, whose labels nobody has but the benchmark's server. */
interface TestSet {
  readonly task: PresentTask;
  readonly split: Split;
}

/** What a fine-tuned model says of a test set, in its order. */
export type PredictTestSet = (model: string, set: TestSet) => Promise<GluePredictions["rows"]>;

/**
 * The test sets that a folder holds of tasks that are there.
 *
 * @throws ConfigError when there is none
 */
export function testSets(folder: string, tasks: readonly TaskEntry[]): TestSet[] {
  const sets = tasks.flatMap((task): TestSet[] => {
    const layout = GLUE_TASKS.find((one) => one.task.name === task.name);
    const own = layout === undefined ? null : textTaskFolder(layout, folder);
    if (task.data === null || layout === undefined || own === null) return [];
    const splits = splitsIn(layout, own).filter((split) => split.startsWith("test"));
    return splits.map((split) => ({ task, split }));
  });
  if (sets.length > 0) return sets;
  throw new ConfigError(`--test: expected a test.tsv beside the training set of a task, got none in ${folder}.`);
}

/**
 * Writes OUT/submission.zip: each test set as the run of the best score on the development set answers it.
 *
 * @throws ConfigError when that run's model is not there any more
 * @returns the zip, and the files that the server will miss in it
 */
export async function writeSubmission(
  { tasks }: ModelScores,
  sets: readonly TestSet[],
  { out, predict }: { out: string; predict: PredictTestSet },
): Promise<{ path: string; missing: readonly string[] }> {
  const predictions: GluePredictions[] = [];
  for (const set of sets) {
    const runs = tasks.find(({ task }) => task === set.task.name)?.runs ?? [];
    const best = bestRun(runs);
    if (best === null) continue;
    const rows = await predict(keptModel(best.run), set);
    predictions.push({ task: set.task.name, split: set.split, rows });
  }
  const path = join(out, "submission.zip");
  return { path, missing: writeGlueSubmission(path, predictions) };
}
