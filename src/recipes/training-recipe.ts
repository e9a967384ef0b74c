import { z } from "zod";
import { ConfigError } from "../errors.js";
import { cpuHasBfloat16 } from "../processor.js";

const count = z.number().int().positive();
const share = z.number().min(0).max(1);

/** What every recipe has: how long it trains, and how a step changes the weights. */
export const optimizerFields = {
  /** Sequences of one optimizer step, over all micro-batches. */
  stepSequences: count,
  /** Positions of one micro-batch, padding included. Decides memory, and nothing of the result but its rounding. */
  microBatchTokens: count,
  /** Passes over the data; null where `steps` says how long. */
  epochs: z.number().positive().nullable(),
  /** Optimizer steps; null where `epochs` says how long. */
  steps: count.nullable(),
  peakLearningRate: z.number().positive(),
  /** Share of the steps over which the learning rate rises from 0. */
  warmupShare: share,
  adamBeta1: z.number().min(0).lt(1),
  adamBeta2: z.number().min(0).lt(1),
  adamEps: z.number().positive(),
  weightDecay: z.number().min(0),
  /** The gradient's 2-norm is clipped to this. */
  clipNorm: z.number().positive(),
  /** Of matrix products; weights, statistics, losses and the optimizer are f32. "auto": bf16 where the hardware has it. */
  precision: z.enum(["auto", "bfloat16", "float32"]),
  /** Of order, masks, dropout and initial weights. */
  seed: z.number().int().min(0).max(0xffffffff),
};

const optimizerRecipe = z.strictObject(optimizerFields);
export type OptimizerRecipe = z.infer<typeof optimizerRecipe>;

/** What recipes that train on a corpus have: everything that changes the result. */
export const trainingFields = {
  /** Tokens of a sequence, [CLS] and [SEP] included. */
  sequenceLength: z.number().int().min(8),
  /**
   * Half of the sequences start at a random position from 0 to this one, the others at 0, so that positions are learned
   * beyond the sequence length; 0 shifts none.
   *
   * Source: Kiyono et al. 2021 (SHAPE), section 3, where every sequence is shifted.
   */
  positionShift: z.number().int().min(0),
  /** "full-sentences": blocks without padding across documents; "none": one document a sequence. */
  pack: z.enum(["full-sentences", "none"]),
  /** Share of the tokens that are predicted. */
  maskShare: share,
  /** Tokens are drawn for masking with probability ∝ count^-maskSmoothing; 0 draws uniformly. */
  maskSmoothing: z.number().min(0),
  ...optimizerFields,
};

const trainingRecipe = z.strictObject(trainingFields);
export type TrainingRecipe = z.infer<typeof trainingRecipe>;

/**
 * Checks a recipe against its schema.
 *
 * @throws ConfigError naming the key, what was expected and what was given; unknown keys are errors
 */
export function parseRecipe<T extends OptimizerRecipe>(schema: z.ZodType<T>, json: unknown, where: string): T {
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new ConfigError(`${where}: ${describe(parsed.error.issues[0], json)}`);
  const { epochs, steps } = parsed.data;
  if ((epochs === null) === (steps === null)) {
    throw new ConfigError(
      `${where}: epochs and steps: expected exactly one of them, got ${JSON.stringify({ epochs, steps })}. Set the other to null.`,
    );
  }
  return { ...parsed.data, precision: resolvePrecision(parsed.data.precision) };
}

function describe(issue: z.core.$ZodIssue | undefined, json: unknown): string {
  if (issue === undefined) return "not a recipe.";
  if (issue.code === "unrecognized_keys") {
    return `unknown recipe key ${issue.keys.join(", ")}. Check the spelling against "limbeck recipes".`;
  }
  const got = issue.path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    json,
  );
  return `${issue.path.join(".")}: ${issue.message}, got ${JSON.stringify(got) ?? "nothing"}.`;
}

function resolvePrecision(precision: OptimizerRecipe["precision"]): OptimizerRecipe["precision"] {
  if (precision !== "auto") return precision;
  return cpuHasBfloat16() ? "bfloat16" : "float32";
}

/** The dtype of matrix products. */
export function productDType({ precision }: OptimizerRecipe): "bfloat16" | "float32" {
  return precision === "bfloat16" ? "bfloat16" : "float32";
}

/**
 * Checks that the longest sequence, at the furthest start, stays within a model's position table.
 *
 * @throws ConfigError when it does not
 */
export function checkPositions(
  { sequenceLength, positionShift }: Pick<TrainingRecipe, "sequenceLength" | "positionShift">,
  table: { count: number; source: string },
): void {
  const room = table.count - sequenceLength;
  if (positionShift <= room) return;
  const [key, most, got] =
    room < 0 ? ["sequenceLength", table.count, sequenceLength] : ["positionShift", room, positionShift];
  throw new ConfigError(
    `${key}: expected at most ${most} with the ${table.count} positions of ${table.source}, got ${got}. Lower it.`,
  );
}
