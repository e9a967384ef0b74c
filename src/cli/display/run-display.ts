import type { HeldOutResult } from "../../training/loop/evaluate-held-out.js";
import type { StepRecord } from "../../training/loop/loop.js";
import type { Estimate, SessionOptions } from "../../training/loop/session.js";
import type { Display } from "./display.js";
import { profileLines } from "./profile-display.js";
import type { ProgressView } from "./progress-line.js";
import { duration, percent, short, whole } from "./quantities.js";

/** Shows a run: the estimate before the first step, evaluations as lines, and one line of progress. */
export function observeRun(display: Display): SessionOptions["observer"] {
  return {
    ...observeSteps(display),
    evaluation: (step, result) => display.log(`step ${whole(step)}: ${heldOutWords(result)}`),
  };
}

/** What is shown of any run, whatever its evaluations find. */
export function observeSteps(display: Display): Omit<SessionOptions["observer"], "evaluation"> {
  let trained: StepRecord | null = null;
  return {
    estimate: (estimate) => {
      for (const line of estimateLines(estimate)) display.log(line);
      const { seconds } = estimate;
      if (seconds > 0)
        display.progress({ fraction: null, parts: [{ text: "starting", rank: 9 }], etaSeconds: seconds });
    },
    step: (record) => {
      trained = record;
      display.progress(stepView(record));
    },
    evaluating: (done, total) => display.progress(evaluatingView(trained, done, total)),
    saved: (step) => display.log(`step ${whole(step)}: saved`),
    profiled: (profile) => display.log(profileLines(profile).join("\n")),
  };
}

export function heldOutWords({ accuracy, loss }: HeldOutResult): string {
  return `held-out masked-token accuracy ${percent(accuracy)}, loss ${loss.toFixed(3)}`;
}

function estimateLines(estimate: Estimate): string[] {
  const { totalSteps, microBatchesPerStep, tokens, parameters, memoryBytes, seconds } = estimate;
  if (seconds === 0) return [`all ${whole(totalSteps)} steps are done already`];
  const cut = microBatchesPerStep === 1 ? "" : `, each in ${whole(microBatchesPerStep)} micro-batches`;
  return [
    `${short(parameters)} parameters to train`,
    `${whole(totalSteps)} steps${cut}; ${short(tokens)} tokens in all`,
    `about ${duration(Math.max(1, seconds))} of training, and ${(memoryBytes / 1e9).toFixed(1)} GB of memory`,
  ];
}

/** How far the training is, and how far this evaluation in it: the time that is left is not known by it. */
function evaluatingView(trained: StepRecord | null, done: number, total: number): ProgressView {
  const step = trained === null ? [] : stepView(trained).parts.slice(0, 1);
  return {
    fraction: trained === null ? null : trained.step / trained.totalSteps,
    parts: [...step, { text: `evaluating ${whole(done)} of ${whole(total)}`, rank: 8.5 }],
    etaSeconds: trained === null || trained.etaSeconds === 0 ? null : trained.etaSeconds,
  };
}

function stepView(record: StepRecord): ProgressView {
  const { step, totalSteps, losses, learningRate, tokensPerSecond, etaSeconds } = record;
  const named = Object.entries(losses).map(([name, value]) => `${name} ${value.toFixed(3)}`);
  return {
    fraction: step / totalSteps,
    parts: [
      { text: `step ${step}/${totalSteps}`, rank: 9 },
      { text: named.join("  "), rank: 7 },
      { text: `lr ${learningRate.toExponential(1)}`, rank: 4 },
      { text: `${short(tokensPerSecond)} tokens/s`, rank: 5 },
    ],
    etaSeconds,
  };
}
