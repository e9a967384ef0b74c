import { existsSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ConfigError, FormatError } from "../errors.js";
import type { Task, TaskData } from "../kinds/task.js";
import { mean } from "../numbers.js";
import { fixed, listed } from "../quantities.js";
import { createRun, discardCheckpoints, isRun, openRun, type Run } from "../runs/run.js";
import { readJsonObject } from "../storage/json-file.js";
import { REPORT_FILE } from "../tasks/run-report.js";
import type { Job } from "./jobs.js";

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
export type TaskEntry = PresentTask | MissingTask;

export interface PresentTask {
  readonly name: string;
  readonly title: string;
  readonly data: TaskData;
}

export interface MissingTask {
  readonly name: string;
  readonly title: string;
  readonly data: null;
  /** "no folder", "no train.tsv". */
  readonly reason: string;
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

/** "MRPC (no folder) and QQP (no train.tsv)"; empty where all are there. */
export function missingWords(tasks: readonly TaskEntry[]): string {
  return listed(tasks.flatMap((task) => (task.data === null ? [`${task.title} (${task.reason})`] : [])));
}

const taskReport = z.looseObject({
  kind: z.literal("finetune"),
  task: z.string(),
  model: z.string(),
  seed: z.number(),
  step: z.number(),
  metrics: z.record(z.string(), z.record(z.string(), z.number())),
  elapsedMs: z.number(),
});

/** What a fine-tuning run came to. */
export interface TaskRun {
  readonly task: string;
  readonly seed: number;
  /** Its directory. */
  readonly run: string;
  readonly step: number;
  /** By split, then by name; as the run's report has them. */
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** The task's score, from 0 to 100. */
  readonly score: number;
  readonly elapsedMs: number;
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
 * Reads a finished run's report.json.
 *
 * @throws FormatError when it is missing, damaged, or lacks a metric of the task's score
 * @throws ConfigError when it is another model's
 */
export function readTaskRun({ out, model, seed }: Pick<TaskJob, "out" | "model" | "seed">, task: Task): TaskRun {
  const path = join(out, REPORT_FILE);
  const parsed = taskReport.safeParse(readJsonObject(path, "the report of a fine-tuning run"));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new FormatError(path, `${issue?.path.join(".")}: ${issue?.message}. Delete the run's folder to repeat it.`);
  }
  const report = parsed.data;
  for (const [key, expected] of Object.entries({ task: task.name, model, seed })) {
    if (report[key] === expected) continue;
    throw new ConfigError(
      `${path}: expected ${key} ${expected}, got ${report[key]}. Give another --out, or the ${key} it was begun with.`,
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

function hasReport(run: string): boolean {
  return existsSync(join(run, REPORT_FILE));
}
