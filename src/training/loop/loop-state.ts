import { z } from "zod";
import type { AdamW } from "../../engine/optim/adamw.js";
import { fromBytes } from "../../engine/tensor/create.js";
import { TensorScope } from "../../engine/tensor/scope.js";
import { FormatError } from "../../errors.js";
import { loadWeights, parameterEntries, shapesOf } from "../../hub/model-loading.js";
import type { TensorEntries } from "../../hub/safetensors.js";
import type { CheckpointContent } from "../../runs/checkpoints.js";
import type { Run } from "../../runs/run.js";
import type { Objective } from "./objective.js";

/** Where the loop stands: state.json of a checkpoint. With the recipe and the data, it is all there is to know. */
const loopState = z.object({
  /** Optimizer steps done. */
  step: z.number().int().min(0),
  /** Real tokens seen. */
  tokens: z.number().int().min(0),
  /** Time spent training so far, over all resumptions. */
  elapsedMs: z.number().min(0),
  /** Steps that were done at the last evaluation; null before the first. */
  evaluatedStep: z.number().int().nullable(),
  /** The evaluation whose weights are kept, the first of the best; null before it, and where none are. */
  best: z.object({ step: z.number().int(), score: z.number() }).nullable(),
  /** Of metrics.jsonl, when this was saved. */
  metricsBytes: z.number().int().min(0),
});
export type LoopState = z.infer<typeof loopState>;

/** What a step changes: the model's parameters and the optimizer's moments. */
interface Trained {
  objective: Pick<Objective, "model">;
  optimizer: AdamW;
}

export function initialState(): LoopState {
  return { step: 0, tokens: 0, elapsedMs: 0, evaluatedStep: null, best: null, metricsBytes: 0 };
}

export function checkpointContent({ objective, optimizer }: Trained, state: LoopState): CheckpointContent {
  return {
    model: parameterEntries(objective.model),
    optimizer: momentEntries(optimizer),
    best: state.best && (state.best.step === state.step ? "own" : "earlier"),
    state,
  };
}

/** The optimizer's flat buffers, as they are. */
function momentEntries(optimizer: AdamW): TensorEntries {
  return Object.entries(momentsOf(optimizer)).map(([name, buffer]) => [
    name,
    { dtype: "float32", shape: buffer.shape, bytes: () => buffer.toBytes() },
  ]);
}

function momentsOf({ firstMoment, secondMoment }: AdamW) {
  return { firstMoment, secondMoment };
}

/**
 * Puts model and optimizer back to the latest checkpoint.
 *
 * @returns null when there is none: a run that was killed before its first begins at step 0
 * @throws FormatError when the checkpoints are damaged, or another model's
 */
export function restoreLatest(run: Run, { objective, optimizer }: Trained): LoopState | null {
  using checkpoint = run.latestCheckpoint();
  if (checkpoint === null) return null;
  const state = loopState.safeParse(checkpoint.state);
  if (!state.success) throw new FormatError(checkpoint.path, "state.json is not of this kind of run.");
  for (const [name, shape] of shapesOf(objective.model)) {
    checkShape(checkpoint.model.path, name, { expected: shape, got: checkpoint.model.entry(name).shape });
  }
  loadWeights(objective.model, checkpoint.model);
  for (const [name, buffer] of Object.entries(momentsOf(optimizer))) {
    using _scope = new TensorScope();
    const { dtype, shape } = checkpoint.optimizer.entry(name);
    checkShape(checkpoint.optimizer.path, name, { expected: buffer.shape, got: shape });
    buffer.copy_(fromBytes(checkpoint.optimizer.read(name), shape, { dtype }));
  }
  optimizer.steps = state.data.step;
  return state.data;
}

/**
 * Puts the weights of the best evaluation into the model.
 *
 * @throws FormatError when the checkpoints are damaged, or keep no weights
 */
export function restoreBest(run: Run, model: Objective["model"]): void {
  using checkpoint = run.latestCheckpoint();
  if (checkpoint?.best == null)
    throw new FormatError(run.directory, "expected a checkpoint that keeps the best weights.");
  loadWeights(model, checkpoint.best);
}

/** copy_ would spread a smaller tensor over a larger one. */
function checkShape(path: string, name: string, shapes: { expected: readonly number[]; got: readonly number[] }): void {
  const [expected, got] = [shapes.expected, shapes.got].map((shape) => `[${shape.join(", ")}]`);
  if (expected === got) return;
  throw new FormatError(
    path,
    `${name}: expected ${expected}, got ${got}. The run was begun with another teacher or vocabulary: resume with those.`,
  );
}
