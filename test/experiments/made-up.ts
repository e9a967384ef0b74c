import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JobsObserver } from "../../src/experiments/jobs.js";
import type { RunTask, TaskEntry } from "../../src/experiments/task-runs.js";
import type { Task, TaskData } from "../../src/kinds/task.js";
import { finetuneNano } from "../../src/recipes/finetune-base.js";
import { reportedTaskOf, reportHead, writeReport } from "../../src/runs/report.js";

const one = { kind: "classification", labels: ["0", "1"], isPair: false, evaluationSplits: ["validation"] } as const;

export const TASKS = {
  cola: { ...one, name: "cola", title: "CoLA", metrics: ["matthews"], score: ["matthews"] },
  mnli: {
    ...one,
    name: "mnli",
    title: "MNLI",
    metrics: ["accuracy"],
    score: ["accuracy"],
    evaluationSplits: ["validation_matched", "validation_mismatched"],
  },
  mrpc: { ...one, name: "mrpc", title: "MRPC", metrics: ["accuracy", "f1"], score: ["accuracy", "f1"] },
} as const satisfies Record<string, Task>;

/** A task without rows: whatever is made up needs none. */
export function entryOf(task: Task): TaskEntry {
  const read = async () => ({ examples: [], skipped: 0 });
  return { name: task.name, title: task.title, data: { task, read } as TaskData };
}

/** A task whose data is not there. */
export function missing(task: Task): TaskEntry {
  return { name: task.name, title: task.title, data: null, reason: "no folder" };
}

/** Leaves the report that fine-tuning leaves, with every metric as `figure` says, and a loss that falls. */
export function leaveReport(figure: (job: Parameters<RunTask>[0], metric: string, split: string) => number): RunTask {
  return async (job) => {
    const { task } = job.data;
    const metrics = Object.fromEntries(
      task.evaluationSplits.map((split) => [
        split,
        Object.fromEntries(task.metrics.map((metric) => [metric, figure(job, metric, split)])),
      ]),
    );
    mkdirSync(job.out, { recursive: true });
    writeReport(job.out, {
      ...reportHead({ command: null, seeds: [job.seed] }),
      ...{
        kind: "finetune",
        task: reportedTaskOf(task),
        model: job.model,
        teacher: null,
        step: 30,
        score: 0.5,
        metrics,
      },
      ...{ selection: null, trainExamples: 9, skippedRows: 0, elapsedMs: 5 },
      recipe: { ...finetuneNano, seed: job.seed },
    });
    const lines = [1, 2, 3].map((i) => JSON.stringify({ step: 10 * i, loss: 1 / i }));
    writeFileSync(join(job.out, "metrics.jsonl"), `${lines.join("\n")}\n`);
  };
}

/** Writes down what it is told. */
export function noting(): JobsObserver & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    started: ({ label, done, total }) => lines.push(`${done}/${total} ${label}`),
    finished: ({ label, seconds }) => {
      if (seconds === null) lines.push(`kept ${label}`);
    },
  };
}
