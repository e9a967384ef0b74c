import { join } from "node:path";
import { ConfigError } from "../errors.js";
import { mean } from "../numbers.js";
import { provenance } from "../pages/provenance.js";
import { glueDocument } from "../pages/reports/glue-document.js";
import { writeReport } from "../pages/write.js";
import { keepBestModel } from "../tasks/finetune-seeds.js";
import { type Job, type JobsObserver, runJobs } from "./jobs.js";
import { type Spread, spreadOf } from "./statistics.js";
import {
  finishedTaskRuns,
  jobOf,
  modelNames,
  type PresentTask,
  presentTasks,
  type RunTask,
  readTaskRun,
  type TaskEntry,
  type TaskJob,
  type TaskRun,
  takeReportFolder,
} from "./task-runs.js";

export interface GlueOptions {
  /** A model folder or a Hub id. */
  readonly model: string;
  /** The one whose share it keeps; null compares with nothing. */
  readonly compare: string | null;
  /** In the order of the columns. */
  readonly tasks: readonly TaskEntry[];
  /** Every model is fine-tuned on every task with each. */
  readonly seeds: readonly number[];
  /** What every fine-tuning is changed by: kept, and the same when it is resumed. */
  readonly settings: object;
  readonly out: string;
  readonly resume: boolean;
  /** Whether every fine-tuned model stays; else of each model and task that of the best score alone. */
  readonly keepModels: boolean;
  readonly runTask: RunTask;
  /** Milliseconds of a pass at batch size 1, of each model; null draws no scatter. */
  readonly latenciesMs: ((models: readonly string[]) => Promise<readonly number[]>) | null;
  /** The command line; null where a program asks. */
  readonly command: string | null;
  readonly observer: JobsObserver;
  readonly signal?: AbortSignal | undefined;
}

/** A model's results on one task. */
export interface ModelTask {
  readonly task: string;
  /** In points, over the seeds. */
  readonly score: Spread;
  readonly runs: readonly TaskRun[];
}

export interface ModelScores {
  readonly name: string;
  readonly model: string;
  readonly tasks: readonly ModelTask[];
  /** The mean over tasks of the median over seeds. */
  readonly macro: number;
  /** Of the mean over tasks, seed by seed. */
  readonly macroSpread: Spread;
  readonly latencyMs: number | null;
}

export interface GlueReport {
  readonly kind: "glue";
  readonly settings: object;
  readonly seeds: readonly number[];
  readonly student: ModelScores;
  readonly teacher: ModelScores | null;
  /** The student's share of the teacher's score; a task where the teacher has none to keep is left out. */
  readonly kept: { readonly macro: number; readonly tasks: Readonly<Record<string, number>> } | null;
  /** Names of tasks without data. */
  readonly missing: readonly string[];
}

/**
 * Fine-tunes a model, and one to compare it with, on every task with every seed, and reports as the paper's Table 1.
 *
 * Runs are OUT/<model>/<task>/seed-<n>; those that are finished are not repeated when it is resumed. Of each model and
 * task the fine-tuned model of the best score stays. Leaves OUT/report.json and OUT/report.html.
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
    kind: "glue",
    settings,
    seeds,
    student,
    teacher,
    kept: teacher && shareKept(student, teacher),
    missing: options.tasks.filter(({ data }) => data === null).map(({ name }) => name),
  };
  writeReport(out, report, glueDocument(report, options.tasks, provenance({ command, seeds })));
  return report;
}

interface Plan {
  readonly model: string;
  readonly name: string;
}

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
