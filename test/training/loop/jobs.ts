import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Cadence } from "../../../src/recipes/cadence.js";
import type { DistillRecipe } from "../../../src/recipes/distill-recipe.js";
import type { PretrainRecipe } from "../../../src/recipes/pretrain-recipe.js";
import { readMetrics } from "../../../src/runs/metrics-log.js";
import { type DistillResult, distill } from "../../../src/training/distill/distill.js";
import type { HeldOutResult } from "../../../src/training/loop/evaluate-held-out.js";
import type { Observer } from "../../../src/training/loop/loop.js";
import type { Estimate, SessionResult } from "../../../src/training/loop/session.js";
import { pretrain } from "../../../src/training/pretrain/pretrain.js";

/** What decides a run, as JSON can hold it: a child process may be given it too. */
export interface Job {
  data: string;
  recipe: PretrainRecipe | DistillRecipe;
  /** Where there is one, it is distilled. */
  teacher?: string;
  heldOutSequences: number;
}

/** How one attempt at a job goes. */
export interface Attempt {
  out: string;
  resume?: boolean;
  cadence?: Partial<Cadence>;
  observer?: Partial<Observer<HeldOutResult> & { estimate(estimate: Estimate): void }>;
  profile?: boolean;
  signal?: AbortSignal;
}

const cadence: Cadence = { logEverySteps: 1, evaluateEverySteps: 4, saveEverySteps: 3, saveEveryMinutes: 60 };
const silent = { estimate() {}, step() {}, evaluation() {}, saved() {} };

/** The options of an attempt but those that JSON cannot hold. */
export function optionsOf(job: Job, { out, resume = false, profile = false, cadence: changes }: Attempt) {
  return { ...job, out, resume, profile, device: "cpu", cadence: { ...cadence, ...changes } };
}

/** Runs a job in this process. */
export async function runJob(job: Job, attempt: Attempt): Promise<SessionResult | DistillResult> {
  const { teacher, recipe, ...options } = optionsOf(job, attempt);
  const rest = { ...options, observer: { ...silent, ...attempt.observer }, signal: attempt.signal };
  if (recipe.kind === "distill") return distill({ ...rest, recipe, teacher: teacher ?? "", onTeacher() {} });
  return pretrain({ ...rest, recipe });
}

/** What must be the same however often a run was interrupted: the model's bytes, and every number but the speed. */
export function outcomeOf(out: string): { model: Buffer; metrics: object[] } {
  const metrics = readMetrics(join(out, "metrics.jsonl")).map(({ tokensPerSecond: _, ...record }) => record);
  return { model: readFileSync(join(out, "model/model.safetensors")), metrics };
}
