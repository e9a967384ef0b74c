import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../errors.js";
import { CONFIG_FILE } from "../hub/folder.js";
import { mean } from "../numbers.js";
import { percent } from "../quantities.js";
import type { DistillRecipe } from "../recipes/distill-recipe.js";
import { type ReportOf, reportHead, type StudentRuns, type VariantResult, writeReport } from "../runs/report.js";
import { discardCheckpoints } from "../runs/run.js";
import { type Job, runJobs } from "./jobs.js";
import { PAPER_ABLATION } from "./paper.js";
import { removeModel } from "./seeds.js";
import { pairedDifference, spreadOf } from "./statistics.js";
import {
  jobOf,
  type PresentTask,
  presentTasks,
  readTaskRun,
  reportedEntries,
  type SeriesOptions,
  takeReportFolder,
} from "./task-runs.js";

/** A student to be distilled into a run directory; its model is then in OUT/model. */
export interface DistillJob {
  readonly recipe: DistillRecipe;
  readonly out: string;
  readonly resume: boolean;
}

/** What is left out, and how. The weights of the losses that are kept stay as they are. */
interface Variant {
  readonly name: string;
  readonly title: string;
  readonly changes: Partial<DistillRecipe>;
}

const VARIANTS: readonly Variant[] = [
  { name: "full", title: "full triple loss", changes: {} },
  { name: "no-ce", title: "without L_ce", changes: { alphaCe: 0 } },
  { name: "no-cos", title: "without L_cos", changes: { alphaCos: 0 } },
  { name: "no-mlm", title: "without L_mlm", changes: { alphaMlm: 0 } },
  { name: "random-start", title: "random initialisation", changes: { initialisation: "random" } },
];

export interface AblateReportOptions extends SeriesOptions {
  /** Of the full variant; the others change it. */
  readonly recipe: DistillRecipe;
  /** For the report, and the same when it is resumed. */
  readonly teacher: string;
  /** Of distillation: every variant is distilled with each. */
  readonly distillSeeds: readonly number[];
  readonly runDistill: (job: DistillJob) => Promise<{ readonly heldOut: { readonly accuracy: number } }>;
}

export type AblateReport = ReportOf<"ablate">;

/**
 * Distils five variants with the same budget, fine-tunes each on the same tasks, and reports as the paper's Table 4.
 *
 * Students are OUT/<variant>/distill-<seed>/student, their fine-tunings OUT/<variant>/distill-<seed>/<task>/seed-<n>.
 * What is finished is not repeated when it is resumed; students stay, fine-tuned models do not. Leaves OUT/report.json.
 *
 * @throws ConfigError when the recipe leaves something out already, there is no task, or the folder does not fit
 * @throws Interrupted when the signal aborts
 */
export async function ablateReport(options: AblateReportOptions): Promise<AblateReport> {
  const { recipe, teacher, settings, out, seeds, distillSeeds, command } = options;
  checkComplete(recipe);
  const tasks = presentTasks(options.tasks);
  using _folder = takeReportFolder(out, { kind: "ablate", teacher, recipe, ...settings }, options.resume);
  const jobs = VARIANTS.flatMap((variant) =>
    distillSeeds.flatMap((seed) => jobsOf({ variant, distillSeed: seed }, tasks, options)),
  );
  await runJobs(jobs, options);
  const report: AblateReport = {
    ...reportHead({ command, seeds }),
    kind: "ablate",
    teacher,
    recipe,
    settings,
    distillSeeds,
    pairedBy: distillSeeds.length > 1 ? "distillation seed" : "fine-tuning seed",
    tasks: reportedEntries(options.tasks),
    variants: resultsOf(tasks, options),
  };
  writeReport(out, report);
  return report;
}

/** Each of the five must differ from the others. */
function checkComplete(recipe: DistillRecipe): void {
  for (const key of ["alphaCe", "alphaCos", "alphaMlm"] as const) {
    if (recipe[key] > 0) continue;
    throw new ConfigError(`${key}: expected more than 0, got 0: an ablation leaves it out of a loss that has it.`);
  }
  if (recipe.initialisation === "teacher") return;
  throw new ConfigError(`initialisation: expected teacher, got random: an ablation compares the two itself.`);
}

interface Student {
  readonly variant: Variant;
  readonly distillSeed: number;
}

function folderOf({ variant, distillSeed }: Student, { out }: AblateReportOptions): string {
  return join(out, variant.name, `distill-${distillSeed}`);
}

function studentRun(student: Student, options: AblateReportOptions): string {
  return join(folderOf(student, options), "student");
}

function jobsOf(student: Student, tasks: readonly PresentTask[], options: AblateReportOptions): Job[] {
  const name = `${student.variant.title}${options.distillSeeds.length > 1 ? ` (${student.distillSeed})` : ""}`;
  const fineTunings = tasks.flatMap((task) =>
    options.seeds.map((seed) => {
      const run = taskJob(student, task, seed, options);
      return jobOf(run, {
        label: `${name}: ${task.title} seed ${seed}`,
        kind: task.name, // The students have one shape.
        runTask: options.runTask,
        tidy: () => {
          if (!options.keepModels) removeModel(run.out);
        },
      });
    }),
  );
  return [distillJob(student, name, options), ...fineTunings];
}

function distillJob(student: Student, name: string, options: AblateReportOptions): Job {
  const { resume } = options;
  const run = studentRun(student, options);
  const recipe = { ...options.recipe, ...student.variant.changes, seed: student.distillSeed };
  let accuracy: number | null = null;
  return {
    label: `${name}: distillation`,
    kind: "distillation",
    finished: () => (existsSync(join(run, "model", CONFIG_FILE)) ? { seconds: null } : null),
    run: async () => {
      accuracy = (await options.runDistill({ recipe, out: run, resume })).heldOut.accuracy;
    },
    outcome: () => (accuracy === null ? "distilled" : `held-out accuracy ${percent(accuracy)}`),
    tidy: () => discardCheckpoints(run),
  };
}

function taskJob(student: Student, { name, data }: PresentTask, seed: number, options: AblateReportOptions) {
  return {
    model: join(studentRun(student, options), "model"),
    data,
    seed,
    out: join(folderOf(student, options), name, `seed-${seed}`),
    resume: options.resume,
  };
}

function resultsOf(tasks: readonly PresentTask[], options: AblateReportOptions): VariantResult[] {
  const all = VARIANTS.map((variant) =>
    options.distillSeeds.map((distillSeed) => studentRuns({ variant, distillSeed }, tasks, options)),
  );
  const [full = []] = all;
  return VARIANTS.map((variant, i) => {
    const students = all[i] ?? [];
    const units = pairUnits(students);
    return {
      ...variant,
      students,
      macro: spreadOf(units),
      tasks: Object.fromEntries(tasks.map(({ name }) => [name, spreadOf(taskScores(students, name))])),
      change: i === 0 ? null : pairedDifference(units, pairUnits(full)),
      changeOfAll: i === 0 ? null : pairedDifference(allMacros(students), allMacros(full)),
      paper: PAPER_ABLATION[variant.name] ?? null,
    };
  });
}

function studentRuns(student: Student, present: readonly PresentTask[], options: AblateReportOptions): StudentRuns {
  const tasks = present.map((task) => ({
    task: task.name,
    runs: options.seeds.map((seed) => readTaskRun(taskJob(student, task, seed, options), task.data.task)),
  }));
  const macros = options.seeds.map((_, i) => mean(tasks.map(({ runs }) => runs[i]?.score ?? Number.NaN)));
  return { distillSeed: student.distillSeed, run: studentRun(student, options), tasks, macros };
}

/**
 * What is independent: of several distillations, each one's mean over its fine-tunings; of one, the fine-tunings, which
 * then say nothing about how distillations differ.
 */
function pairUnits(students: readonly StudentRuns[]): number[] {
  return students.length > 1 ? students.map(({ macros }) => mean(macros)) : allMacros(students);
}

function allMacros(students: readonly StudentRuns[]): number[] {
  return students.flatMap(({ macros }) => macros);
}

function taskScores(students: readonly StudentRuns[], task: string): number[] {
  return students.flatMap(({ tasks }) => tasks.find((one) => one.task === task)?.runs.map(({ score }) => score) ?? []);
}
