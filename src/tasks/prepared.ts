import { permutation } from "../data/order.js";
import { ConfigError } from "../errors.js";
import { type Answer, answersOf } from "../kinds/answers.js";
import type { LabelledKind } from "../kinds/kinds.js";
import { type MetricName, textMetrics } from "../kinds/metrics/metrics.js";
import { bestNullThresholds, questionMetrics, questionParts } from "../kinds/metrics/squad-metrics.js";
import type {
  Examples,
  QuestionExample,
  QuestionTask,
  ReadOptions,
  Rows,
  Split,
  Task,
  TaskData,
  Tasks,
  TextExample,
  TextTask,
} from "../kinds/task.js";
import { argmax } from "../numbers.js";
import type { FinetuneRecipe } from "../recipes/finetune-recipe.js";
import type { Tokenizer } from "../text/tokenizer.js";
import { questionFeatures } from "./questions/squad-features.js";
import type { Feature } from "./task-batches.js";
import { textFeatures } from "./texts/text-examples.js";

/** What a model says of one example. */
export interface Prediction {
  readonly id: string;
  /** The index of a label, a score, or the text of an answer ("" for none). */
  readonly value: number | string;
}

/** What a model's logits amount to. */
export interface Judgement {
  readonly metrics: Readonly<Partial<Record<MetricName, number>>>;
  readonly predictions: readonly Prediction[];
  /** Of questions: how much better no answer scores than the best one, by id. */
  readonly nullOdds: ReadonlyMap<string, number> | null;
  /** Further figures that no score takes: SQuAD 2.0's parts and best thresholds. */
  readonly details: Readonly<Record<string, number>>;
}

/** A split as a model reads it, with its way to judge what the model says. */
export interface PreparedSplit {
  readonly split: Split;
  readonly exampleCount: number;
  /** Rows that were left out because something was wrong with them. */
  readonly skipped: number;
  readonly isLabelled: boolean;
  readonly features: readonly Feature[];
  /** @param logits of each feature, as evaluateSplit gives them */
  judge(logits: readonly Float32Array[]): Judgement;
}

/** What of a recipe decides features and answers. */
type FeatureOptions = Pick<
  FinetuneRecipe,
  "sequenceLength" | "windowStride" | "maxAnswerLength" | "nBest" | "nullThreshold"
>;

/**
 * Reads a split and makes its features.
 *
 * @param options.limit at most so many examples, drawn at random but the same every time; null for all
 * @throws FormatError or ConfigError as the task's reader does, or when the split is empty
 */
export async function prepareSplit(
  data: TaskData,
  split: Split,
  tokenizer: Tokenizer,
  options: FeatureOptions & ReadOptions & { limit?: number | null },
): Promise<PreparedSplit> {
  const { task } = data;
  const { examples, skipped } = drawn<Row>(await data.read(split, options), options, task);
  const make = SPLITS[task.kind] as SplitMaker<Task, Row>; // Its rows are of its kind.
  return { split, skipped, ...(await make(task, examples, tokenizer, options)) };
}

type Row = Rows[LabelledKind];
type MadeSplit = Omit<PreparedSplit, "split" | "skipped">;
type SplitMaker<T, R> = (
  task: T,
  examples: readonly R[],
  tokenizer: Tokenizer,
  options: FeatureOptions,
) => Promise<MadeSplit>;

/** How a kind's rows become features, and what its logits amount to. */
const SPLITS: { readonly [K in LabelledKind]: SplitMaker<Tasks[K], Rows[K]> } = {
  classification: textSplit(argmax),
  regression: textSplit((row) => row[0] ?? 0),
  "question-answering": questionSplit,
};

/** @param decode what a text's logits say: a label's index, or a score */
function textSplit(decode: (logits: Float32Array) => number): SplitMaker<TextTask, TextExample> {
  return async (task, examples, tokenizer, options) => {
    const isLabelled = examples.every(({ label }) => label !== null);
    return {
      exampleCount: examples.length,
      isLabelled,
      features: await textFeatures(examples, tokenizer, options),
      judge: (logits) => {
        const values = logits.map(decode);
        const labels = examples.map(({ label }) => label ?? Number.NaN);
        return {
          metrics: isLabelled ? textMetrics(task.metrics, values, labels) : {},
          predictions: examples.map(({ id }, i) => ({ id, value: values[i] ?? 0 })),
          nullOdds: null,
          details: {},
        };
      },
    };
  };
}

async function questionSplit(
  { hasUnanswerable }: QuestionTask,
  examples: readonly QuestionExample[],
  tokenizer: Tokenizer,
  options: FeatureOptions,
): Promise<MadeSplit> {
  const features = await questionFeatures(examples, tokenizer, options);
  return {
    exampleCount: examples.length,
    isLabelled: hasUnanswerable || examples.some(({ answers }) => answers.length > 0),
    features,
    judge: (logits) => {
      const answers = answersOf(examples, features, logits, { ...options, hasUnanswerable });
      return {
        metrics: questionMetrics(new Map(answers.map(({ id, text }) => [id, text])), examples, { hasUnanswerable }),
        predictions: answers.map(({ id, text }) => ({ id, value: text })),
        nullOdds: new Map(answers.map(({ id, nullOdds }) => [id, nullOdds])),
        details: hasUnanswerable ? detailsOf(answers, examples) : {},
      };
    },
  };
}

/** As SQuAD 2.0's script names them. */
function detailsOf(answers: readonly Answer[], examples: readonly QuestionExample[]): Record<string, number> {
  const { hasAnswer, noAnswer } = questionParts(new Map(answers.map(({ id, text }) => [id, text])), examples);
  const spans = new Map(answers.map(({ id, span }) => [id, span]));
  const nullOdds = new Map(answers.map(({ id, nullOdds }) => [id, nullOdds]));
  const best = bestNullThresholds(spans, nullOdds, examples);
  return {
    ...(hasAnswer && { HasAns_exact: hasAnswer.exactMatch, HasAns_f1: hasAnswer.squadF1 }),
    ...(noAnswer && { NoAns_exact: noAnswer.exactMatch, NoAns_f1: noAnswer.squadF1 }),
    ...{ best_exact: best.exactMatch.value, best_exact_thresh: best.exactMatch.threshold },
    ...{ best_f1: best.squadF1.value, best_f1_thresh: best.squadF1.threshold },
  };
}

/** The same choice for every seed: runs differ in what they make of the examples, not in the examples. */
function drawn<E>(read: Examples<E>, { limit = null }: { limit?: number | null }, task: Task): Examples<E> {
  const { examples, skipped } = read;
  if (examples.length === 0) throw new ConfigError(`${task.name}: a split is empty. Give one with rows.`);
  if (limit === null || limit >= examples.length) return read;
  const order = permutation(0, 0, examples.length);
  const chosen = Array.from({ length: limit }, (_, i) => order(i)).sort((a, b) => a - b);
  return { examples: chosen.map((index) => examples[index] as E), skipped };
}
