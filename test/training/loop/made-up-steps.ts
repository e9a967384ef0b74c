import {
  type MaskedBatch,
  type MicroBatchSize,
  type StepBatches,
  stepBatches,
} from "../../../src/data/masked-batches.js";
import { createMasker } from "../../../src/data/masking.js";
import type { SequenceSource } from "../../../src/data/sequences.js";
import { tidy } from "../../../src/engine/tensor/scope.js";
import { bertBase } from "../../../src/families/bert.js";
import type { EncoderConfig } from "../../../src/families/config.js";
import type { Objective } from "../../../src/training/loop/objective.js";

/** A BERT that fits the made-up sequences: 80 tokens, 5 of them special, and 24 positions. */
export const smallBert: EncoderConfig = {
  ...bertBase,
  vocabSize: 80,
  hiddenSize: 16,
  layers: 2,
  heads: 2,
  intermediateSize: 32,
  maxPositions: 24,
  pooler: false,
  dropout: 0,
  attentionDropout: 0,
  initializerRange: 0.3,
};

const masker = createMasker({
  vocabSize: smallBert.vocabSize,
  maskId: 4,
  specialIds: new Set([0, 1, 2, 3, 4]),
  tokenCounts: Array.from({ length: smallBert.vocabSize }, (_, id) => 1 + id),
});

/** 64 sequences: all of 24 tokens, or of 5 to 24. */
function sequences(lengths: "equal" | "different"): SequenceSource {
  const bodyOf = (i: number) => (lengths === "equal" ? 22 : 3 + ((i * 7) % 20));
  return {
    length: 64,
    get: (i) => Int32Array.from([2, ...Array.from({ length: bodyOf(i) }, (_, at) => 5 + ((i * 31 + at * 13) % 75)), 3]),
  };
}

/** Step 0: 16 sequences with their masks. */
export function madeUpStep(
  options: MicroBatchSize & { lengths: "equal" | "different"; rank?: number; worldSize?: number },
): StepBatches {
  const { lengths, ...rest } = options;
  return stepBatches({ ...rest, source: sequences(lengths), masker, padId: 0, seed: 1, step: 0, stepSequences: 16 });
}

export interface StepResult {
  gradient: Float32Array;
  /** Of the whole step, in the objective's order. */
  losses: number[];
}

/** The gradient and the losses that a step's micro-batches add up to. */
export function resultOf(objective: Objective, step: StepBatches): StepResult {
  const { gradients } = objective.parameters;
  gradients.zero_();
  const shares = step.microBatches.map((batch) => microStep(objective, batch, step));
  return {
    gradient: gradients.toFloat32Array(),
    losses: objective.losses.map((_, i) => shares.reduce((sum, share) => sum + (share[i] ?? 0), 0)),
  };
}

function microStep(objective: Objective, batch: MaskedBatch, counts: StepBatches): Float32Array {
  return tidy(() => [objective.microStep(batch, counts).toFloat32Array()])[0] as Float32Array;
}
