import { ConfigError } from "../../errors.js";
import type { StageProgress } from "../../experiments/paper-tables.js";
import { percent, whole } from "../../quantities.js";
import { isRun, readRecipe } from "../../runs/run.js";
import type { FinetuneOptions, TaskEvaluation } from "../../tasks/finetune-options.js";
import type { HeldOutResult } from "../../training/loop/evaluate-held-out.js";
import type { Display } from "../display/display.js";
import { commandLine } from "../display/output.js";
import { heldOutWords, JobsDisplay, watchRun } from "../display/run-display.js";
import { stopRequested } from "../interrupts.js";
import type { RunFlags, TableFlags, TaskFlags, TrainingFlags } from "./options.js";

/** What every run is called with, but for what is shown of its evaluations. */
function runOptions(flags: TrainingFlags, display: Display) {
  const { recipe, set, out, resume = false, device, profile } = flags;
  if (resume && !isRun(out)) display.log(`${out}: nothing to resume: starting`);
  return {
    ...{ recipe, set, out, resume, device, profile },
    cadence: cadenceOf(flags),
    ...watchRun(display),
    signal: stopRequested(),
  };
}

/** When a run logs and saves. */
function cadenceOf({ logEvery, saveEvery, saveEveryMinutes }: TrainingFlags) {
  return { logEverySteps: logEvery, saveEverySteps: saveEvery, saveEveryMinutes };
}

/** What the tables of many runs are called with: a line for the series, which the run under way moves. */
export function tableOptions(flags: TableFlags, display: Display) {
  const jobs = new JobsDisplay(display);
  return {
    cadence: cadenceOf(flags),
    command: commandLine(),
    observer: jobs,
    onProgress: watchRun(jobs.inner).onProgress,
    onStage: ({ what, fraction, etaSeconds }: StageProgress): void => {
      if (fraction === null) display.log(what);
      else display.progress({ fraction, parts: [{ text: what, rank: 9 }], etaSeconds });
    },
    signal: stopRequested(),
  };
}

/** What `pretrain` and `distill` are called with, but for the teacher. */
export function trainingOptions(flags: RunFlags, display: Display) {
  const { observer, cadence, ...options } = runOptions(flags, display);
  return {
    ...options,
    data: flags.data,
    heldOutSequences: flags.heldOutSequences,
    cadence: { ...cadence, evaluateEverySteps: flags.evaluateEvery },
    observer: { ...observer, ...showHeldOut(display) },
  };
}

/** A line for each evaluation on held-out text. */
export function showHeldOut(display: Display) {
  return {
    evaluation: (step: number, result: HeldOutResult): void =>
      display.log(`step ${whole(step)}: ${heldOutWords(result)}`),
  };
}

export interface FinetuneFlags extends TaskFlags, TrainingFlags {
  model?: string;
  teacher?: string;
  seeds?: number;
  keepModels?: boolean;
}

/**
 * Turns flags into a fine-tuning's options.
 *
 * @throws ConfigError when a flag cannot apply
 */
export function finetuneOptions(flags: FinetuneFlags, display: Display): FinetuneOptions {
  checkSeeds(flags);
  const { task, data, train, validation, text, label, id, kind, skipBadRows, model, teacher } = flags;
  const { observer, ...options } = runOptions(flags, display);
  return {
    ...options,
    ...{ task, data, train, validation, text, label, id, kind, skipBadRows, model, teacher },
    observer: {
      ...observer,
      evaluation: (step, result) => display.log(`step ${whole(step)}: ${evaluationWords(result)}`),
    },
  };
}

/** One run and several lie in folders of different kinds. */
function checkSeeds({ out, resume, seeds, keepModels }: FinetuneFlags): void {
  if (seeds !== undefined) return;
  if (keepModels) throw new ConfigError("--keep-models: expected --seeds with it, got none: one run has one model.");
  if (!resume || !isRun(out) || readRecipe(out).kind !== "finetune-seeds") return;
  throw new ConfigError(`--seeds: expected it again, since ${out} holds runs of several seeds, got nothing.`);
}

/** "accuracy 81.2 %, loss 0.412". */
function evaluationWords({ loss, score: _, ...figures }: TaskEvaluation): string {
  const named = Object.entries(figures).map(([name, value]) => `${name} ${percent(value ?? Number.NaN)}`);
  return [...named, `loss ${loss.toFixed(3)}`].join(", ");
}
