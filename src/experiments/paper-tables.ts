import { checkDevice } from "../engine/tensor/device.js";
import { Interrupted } from "../errors.js";
import { EMBEDDED_TEACHER } from "../hub/embedded-teacher.js";
import type { Task } from "../kinds/task.js";
import { whole } from "../quantities.js";
import type { Cadence } from "../recipes/cadence.js";
import { type DistillRecipe, distillRecipe } from "../recipes/distill-recipe.js";
import { chooseRecipe, type RecipeChoice } from "../runs/choose-recipe.js";
import { evaluate } from "../tasks/evaluate-model.js";
import { finetune } from "../tasks/finetune.js";
import { type DistillOptions, defaultDistillRecipe, distill } from "../training/distill/distill.js";
import type { RunProgress } from "../training/loop/progress.js";
import { type AblateReport, ablateReport } from "./ablate.js";
import { type GlueReport, glueReport, type PredictTestSet, testSets, writeSubmission } from "./glue.js";
import type { JobsObserver } from "./jobs.js";
import { LATENCY_PAIRS, pairLatenciesMs } from "./measure/measure.js";
import type { MeasureProgress } from "./measure/timing.js";
import { seedsFrom } from "./seeds.js";
import { type AblateFolders, ablateEntries, glueEntries } from "./task-entries.js";
import { type TaskRecipes, taskRecipes } from "./task-recipes.js";
import type { RunTask } from "./task-runs.js";

/** How far a step between the runs is: timing models, answering test sets. */
export interface StageProgress {
  /** "timing: pair 3 of 200". */
  readonly what: string;
  /** In [0, 1]; null as it begins. */
  readonly fraction: number | null;
  readonly etaSeconds: number | null;
}

/** What the tables of many runs have in common. */
export interface TableOptions {
  /** A new folder: report.json, and the runs. */
  readonly out: string;
  /** Whether to go on: nothing finished is repeated. Default: no. */
  readonly resume?: boolean | undefined;
  /** Fine-tunings of every model on every task. Default: 5. */
  readonly seeds?: number | undefined;
  /** Whether every fine-tuned model stays. Default: no. */
  readonly keepModels?: boolean | undefined;
  /** Leaves rows out that cannot be used, and counts them, instead of stopping at the first. Default: no. */
  readonly skipBadRows?: boolean | undefined;
  /** "cpu", "cuda" or "cuda:N". Default: "cpu". */
  readonly device?: string | undefined;
  readonly cadence?: Partial<Cadence> | undefined;
  /** The command line, for the record. */
  readonly command?: string | null | undefined;
  /** Told when a run begins and ends. */
  readonly observer?: JobsObserver | undefined;
  /** Told how far the run under way is. */
  readonly onProgress?: ((progress: RunProgress) => void) | undefined;
  /** Told how far a step between the runs is. */
  readonly onStage?: ((progress: StageProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface GlueTableOptions extends TableOptions {
  /** A model folder or a Hub id: the student. */
  readonly model: string;
  /** Another, whose share it keeps: the teacher. Default: none. */
  readonly compare?: string | undefined;
  /** A folder of GLUE tasks. */
  readonly data: string;
  /** Only these. Default: all nine; those without data are named. */
  readonly tasks?: readonly string[] | undefined;
  /** Whether to answer the test sets too, into OUT/submission.zip. Default: no. */
  readonly test?: boolean | undefined;
  /** For fine-tuning. Default: by the task's kind and the model's size. */
  readonly recipe?: string | undefined;
  /** Values of it to change, for all tasks or for one: { epochs: 1, "rte.epochs": 5 }. */
  readonly set?: Readonly<Record<string, unknown>> | undefined;
}

/** The paper's Table 1, and what the benchmark's server is given. */
export interface GlueTable {
  readonly report: GlueReport;
  /** The files that the server will miss in OUT/submission.zip; null where none was asked for. */
  readonly submission: { readonly path: string; readonly missing: readonly string[] } | null;
}

/**
 * The paper's Table 1: fine-tunes a model, and with `compare` its teacher, on every GLUE task with every seed.
 *
 * @throws ConfigError or FormatError as glueReport does, and when a task or a recipe is not what it should be
 * @throws Interrupted when the signal aborts; what is finished stays
 */
export async function glue(options: GlueTableOptions): Promise<GlueTable> {
  const { model, compare = null, data, out, resume = false, keepModels = false, skipBadRows = false } = options;
  const { command = null, observer = SILENT, signal } = options;
  checkDevice(options.device ?? "cpu");
  const tasks = glueEntries(data, options.tasks ?? null);
  const sets = options.test ? testSets(data, tasks) : [];
  const named = { recipe: "--recipe", set: "--set" };
  const tunings = await taskRecipes({ recipe: options.recipe, set: options.set, options: named }, { tasks, model });
  const report = await untilAborted(signal, () =>
    glueReport({
      ...{ model, compare, tasks, out, resume, keepModels, command, observer, signal },
      seeds: seedsFrom(tunings.first, options.seeds ?? DEFAULT_SEEDS),
      settings: settingsOf(tunings, skipBadRows),
      runTask: fineTuner(options, tunings, () => data),
      latenciesMs: (models) => latenciesOf(models, options),
    }),
  );
  if (sets.length === 0) return { report, submission: null };
  const predict = testPredictor(options, tunings);
  const submission = await untilAborted(signal, () => writeSubmission(report.student, sets, { out, predict }));
  return { report, submission };
}

export interface AblateTableOptions extends TableOptions, AblateFolders, RecipeChoice<DistillRecipe> {
  /** A model folder or a Hub id. Default: the small one that comes with Limbeck. */
  readonly teacher?: string | undefined;
  /** The dataset to distil on, which `prepare` wrote. */
  readonly data: string;
  /** Distillations of every variant. Default: 1. */
  readonly distillSeeds?: number | undefined;
  /** For fine-tuning on texts. Default: by size, as in glue. */
  readonly finetuneRecipe?: string | undefined;
  /** Values of it to change, for all tasks or for one. */
  readonly setFinetune?: Readonly<Record<string, unknown>> | undefined;
  readonly heldOutSequences?: number | undefined;
  /** Whoever watches the distillations. */
  readonly distillObserver?: DistillOptions["observer"];
}

/**
 * The paper's Table 4: distils five students with the same budget, by the full loss and without each of its parts.
 *
 * @throws ConfigError or FormatError as ablateReport does, and when a task or a recipe is not what it should be
 * @throws Interrupted when the signal aborts; what is finished stays
 */
export async function ablate(options: AblateTableOptions): Promise<AblateReport> {
  const { out, resume = false, keepModels = false, skipBadRows = false, device, cadence } = options;
  const { command = null, observer = SILENT, signal, data, heldOutSequences, onProgress, distillObserver } = options;
  checkDevice(device ?? "cpu");
  const teacher = options.teacher ?? EMBEDDED_TEACHER;
  const tasks = ablateEntries(options);
  const recipe = chooseRecipe(
    { recipe: options.recipe, set: options.set, out },
    { kind: "distill", schema: distillRecipe, defaultName: defaultDistillRecipe },
  );
  const tunings = await taskRecipes(
    {
      ...{ recipe: options.finetuneRecipe, set: options.setFinetune },
      options: { recipe: "--finetune-recipe", set: "--set-finetune" },
    },
    { tasks, model: teacher },
  );
  return await ablateReport({
    ...{ recipe, tasks, out, resume, keepModels, command, observer, signal },
    teacher: options.teacher ?? "the one that comes with Limbeck",
    distillSeeds: seedsFrom(recipe, options.distillSeeds ?? 1),
    seeds: seedsFrom(tunings.first, options.seeds ?? DEFAULT_SEEDS),
    settings: settingsOf(tunings, skipBadRows),
    runDistill: (job) =>
      distill({
        ...job,
        ...{ teacher, data, device, heldOutSequences, cadence, signal, onProgress },
        observer: distillObserver,
      }),
    runTask: fineTuner(options, tunings, ({ name }) => folderOf(name, options)),
  });
}

function folderOf(task: string, { glue, imdb, squad }: AblateFolders): string | undefined {
  return task === "imdb" ? imdb : task === "squad" ? squad : glue;
}

/** What is aborted between the runs has saved them. */
async function untilAborted<T>(signal: AbortSignal | undefined, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!(signal?.aborted && error === signal.reason)) throw error;
    throw new Interrupted("interrupted after the runs: go on with the same command and --resume");
  }
}

const DEFAULT_SEEDS = 5;
const SILENT: JobsObserver = { started() {}, finished() {} };

/** What every fine-tuning is changed by: kept, and the same when it is resumed. */
function settingsOf({ first, others }: TaskRecipes, skipBadRows: boolean): Record<string, unknown> {
  return { finetune: first, ...(Object.keys(others).length > 0 && { finetuneOf: others }), skipBadRows };
}

/** Fine-tunes as often as it is asked, with each task's recipe and the seeds of the jobs. */
function fineTuner(
  { skipBadRows, device, cadence, command, onProgress, signal }: TableOptions,
  tunings: TaskRecipes,
  pathOf: (task: Task) => string | undefined,
): RunTask {
  return async ({ model, data, seed, out, resume }) => {
    await finetune({
      ...{ model, data, skipBadRows, out, resume, device, cadence, command, onProgress, signal },
      dataPath: pathOf(data.task),
      recipe: { ...recipeOf(tunings, data.task), seed },
    });
  };
}

/** Has a fine-tuned model answer a test set. */
function testPredictor({ device, signal, onStage }: TableOptions, tunings: TaskRecipes): PredictTestSet {
  return async (model, { task: { data, title }, split }) => {
    const answering = `answering ${title}, ${split.replace("_", " ")}`;
    const onProgress = (done: number, total: number): void =>
      onStage?.({ what: `${answering}: ${whole(done)} of ${whole(total)}`, fraction: done / total, etaSeconds: null });
    // The server wants an answer to every row: none is skipped.
    const { results } = await evaluate({
      ...{ model, data, split, device, signal, onProgress },
      recipe: recipeOf(tunings, data.task),
    });
    return (results[0]?.predictions ?? []).map(({ id, value }) => ({ id, value: Number(value) }));
  };
}

function recipeOf({ all, first }: TaskRecipes, { name }: Task) {
  return all[name] ?? first;
}

/** CPU milliseconds of a pair of sentences as long as STS-B's: the median of each model. */
async function latenciesOf(models: readonly string[], { onStage, signal }: TableOptions): Promise<readonly number[]> {
  onStage?.({ what: `timing ${models.join(" and ")} on ${LATENCY_PAIRS} pairs`, fraction: null, etaSeconds: null });
  const onProgress = ({ pairsDone, pairs, fraction, etaSeconds }: MeasureProgress): void =>
    onStage?.({ what: `timing: pair ${pairsDone} of ${pairs}`, fraction, etaSeconds });
  return await pairLatenciesMs(models, { onProgress, signal });
}
