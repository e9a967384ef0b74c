import { existsSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, FormatError } from "../errors.js";
import type { Task, TaskData } from "../kinds/task.js";
import { mean } from "../numbers.js";
import { fixed } from "../quantities.js";
import { hasReport, REPORT_FILE, type ReportOf, readReport, reportedTaskOf, type TaskRun } from "../runs/report.js";
import { createRun, discardCheckpoints, isRun, openRun, type Run } from "../runs/run.js";
import type { MissingTask } from "../tasks/open.js";
import type { Job, JobsObserver } from "./jobs.js";

/** A model to be fine-tuned on a task with a seed. */
export interface TaskJob {
  /** A model folder or a Hub id. */
  readonly model: string;
  readonly data: TaskData;
  readonly seed: number;
  /** The run directory. */
  readonly out: string;
  /** Whether to go on from what is in it. */
  readonly resume: boolean;
}

/** Fine-tunes and evaluates, and leaves the run's report.json. */
export type RunTask = (job: TaskJob) => Promise<void>;

/** A task of a report, with its data, or with why there is none. */
export type TaskEntry = PresentTask | (MissingTask & { readonly data: null });

export interface PresentTask {
  readonly name: string;
  readonly title: string;
  readonly data: TaskData;
}

/** What the tables of many runs are made with. */
export interface SeriesOptions {
  /** In the order of the columns. */
  readonly tasks: readonly TaskEntry[];
  /** Of fine-tuning: every model is fine-tuned on every task with each. */
  readonly seeds: readonly number[];
  /** What every fine-tuning is changed by: kept, and the same when it is resumed. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly out: string;
  readonly resume: boolean;
  /** Whether every fine-tuned model stays. */
  readonly keepModels: boolean;
  readonly runTask: RunTask;
  /** The command line; null where a program asks. */
  readonly command?: string | null | undefined;
  readonly observer: JobsObserver;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The tasks of which there is data.
 *
 * @throws ConfigError when there is none
 */
export function presentTasks(tasks: readonly TaskEntry[]): [PresentTask, ...PresentTask[]] {
  const [first, ...others] = tasks.filter((task): task is PresentTask => task.data !== null);
  if (first !== undefined) return [first, ...others];
  const named = tasks.map((task) => `${task.title} (${task.data === null ? task.reason : ""})`).join(", ");
  throw new ConfigError(`--data: expected the data of at least one task, got ${named}. Check the folder.`);
}

/** The tasks as a report keeps them. */
export function reportedEntries(tasks: readonly TaskEntry[]): ReportOf<"glue">["tasks"] {
  return tasks.map(({ name, title, ...entry }) =>
    entry.data === null
      ? { name, title, task: null, missing: entry.reason }
      : { name, title, task: reportedTaskOf(entry.data.task), missing: null },
  );
}

/** A fine-tuning as one of many jobs. */
export function jobOf(
  given: TaskJob,
  { label, kind, runTask, tidy }: { label: string; kind: string; runTask: RunTask; tidy(): void },
): Job {
  const { task } = given.data;
  return {
    label,
    kind,
    finished: () => (hasReport(given.out) ? { seconds: readTaskRun(given, task).elapsedMs / 1000 } : null),
    run: async () => {
      await runTask(given);
      readTaskRun(given, task); // A run without a report would end as a gap in a table, hours later.
    },
    outcome: () => fixed(readTaskRun(given, task).score, 1),
    tidy: () => {
      discardCheckpoints(given.out); // Of a run that was killed before it came to that.
      tidy();
    },
  };
}

/** What those of some runs came to that are finished. */
export function finishedTaskRuns(jobs: readonly TaskJob[]): TaskRun[] {
  return jobs.filter(({ out }) => hasReport(out)).map((job) => readTaskRun(job, job.data.task));
}

/**
 * What a finished run came to, by its report.json.
 *
 * @throws FormatError when it is missing, damaged, or lacks a metric of the task's score
 * @throws ConfigError when it is another model's
 */
export function readTaskRun({ out, model, seed }: Pick<TaskJob, "out" | "model" | "seed">, task: Task): TaskRun {
  const path = join(out, REPORT_FILE);
  const report = readReport(out, "finetune");
  const found = { task: report.task.name, model: report.model, seed: report.recipe.seed };
  for (const [key, expected] of Object.entries({ task: task.name, model, seed })) {
    const got = found[key as keyof typeof found];
    if (got === expected) continue;
    throw new ConfigError(
      `${path}: expected ${key} ${expected}, got ${got}. Give another --out, or the ${key} it was begun with.`,
    );
  }
  const { metrics, step, elapsedMs } = report;
  return { task: task.name, seed, run: out, step, metrics, score: scoreOf(task, metrics, path), elapsedMs };
}

/**
 * The model of the best of some runs.
 *
 * @throws ConfigError when it is not there: a report over more seeds kept another's
 */
export function keptModel(run: string): string {
  const model = join(run, "model");
  if (existsSync(model)) return model;
  throw new ConfigError(
    `${model}: expected the model of the best of these seeds, got nothing: a report over more seeds kept another's. Give as many --seeds, or delete ${run} to repeat it.`,
  );
}

/** A metric, which is a share, from 0 to 100 (or −100). */
export function inPoints(value: number): number {
  return 100 * value;
}

/** The mean over the task's evaluation splits of the mean of its score's metrics, in points. */
function scoreOf(task: Task, metrics: TaskRun["metrics"], path: string): number {
  return mean(
    task.evaluationSplits.map((split) =>
      mean(
        task.score.map((metric) => {
          const value = metrics[split]?.[metric];
          if (value === undefined) throw new FormatError(path, `expected metrics.${split}.${metric}, got nothing.`);
          return inPoints(value);
        }),
      ),
    ),
  );
}

/**
 * Takes a report's folder for this process: a new one, or with `resume` the one that is there.
 *
 * @param settings what changes its results; must be the same when it is resumed
 * @throws ConfigError when it is in use, holds something else, or was begun with other settings
 */
export function takeReportFolder(out: string, settings: object, resume: boolean): Run {
  if (resume && isRun(out)) return openRun(out, settings);
  const run = createRun(out, settings);
  rmdirSync(join(out, "checkpoints")); // The runs have theirs.
  return run;
}

/** Names for models in tables and folders: the last part of a path that says something, each once. */
export function modelNames(models: readonly string[]): string[] {
  const names: string[] = [];
  for (const model of models) {
    const parts = model.split(/[\\/]+/).filter((part) => part !== "" && part !== "." && part !== "..");
    const last = parts.findLast((part) => part !== "model") ?? "model";
    const name = last.replace(/[^\w.-]/g, "-");
    names.push(names.includes(name) ? `${name}-${names.length + 1}` : name);
  }
  return names;
}
