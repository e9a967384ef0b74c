import type { LabelledKind, OfLabelledKinds, TextKind } from "./kinds.js";
import type { MetricName } from "./metrics/metrics.js";

/** Where rows come from: MNLI has two sets of each but the training set. */
export type Split =
  | "train"
  | "validation"
  | "test"
  | "validation_matched"
  | "validation_mismatched"
  | "test_matched"
  | "test_mismatched";

/** One text, or a pair, with what is to be said of it. */
export interface TextExample {
  /** As the data gives it, else the row's number from 0. */
  readonly id: string;
  readonly first: string;
  readonly second: string | null;
  /** The index of its label, or its score; null where the split hides it. */
  readonly label: number | null;
}

/** One question on a passage, with the answers that people gave. */
export interface QuestionExample {
  readonly id: string;
  readonly question: string;
  readonly context: string;
  /** `start` in UTF-16 units of the context. Empty where the passage does not answer, or the split hides it. */
  readonly answers: readonly { readonly text: string; readonly start: number }[];
}

interface TaskBase {
  /** As the command line says it: "cola". */
  readonly name: string;
  /** As tables say it: "CoLA". */
  readonly title: string;
  /** What is reported, in this order. */
  readonly metrics: readonly MetricName[];
  /** The score is the mean of these: it picks the best checkpoint, and enters a macro-score. */
  readonly score: readonly MetricName[];
  /** What is evaluated after training, and during it too where there is no `selection`. */
  readonly evaluationSplits: readonly Split[];
  /** What chooses the best weights where that is the test set, which must not: evaluated during training in its place. */
  readonly selection?: { readonly split: Split; readonly title: string };
}

/** A task that gives one of several labels to a text or a pair. */
export interface ClassificationTask extends TaskBase {
  readonly kind: "classification";
  /** Names of the labels, in the order of their indices. */
  readonly labels: readonly string[];
  /** Whether a row has two texts. */
  readonly isPair: boolean;
}

/** A task that gives a number to a text or a pair. */
export interface RegressionTask extends TaskBase {
  readonly kind: "regression";
  readonly isPair: boolean;
  /** What scores lie between, ends included; null where anything may be. */
  readonly range: readonly [number, number] | null;
}

/** A task that answers a question by a span of a passage. */
export interface QuestionTask extends TaskBase {
  readonly kind: "question-answering";
  /** Whether some questions have no answer (SQuAD 2.0). */
  readonly hasUnanswerable: boolean;
}

/** What is known of a task of a kind. */
export type Tasks = OfLabelledKinds<{
  readonly classification: ClassificationTask;
  readonly regression: RegressionTask;
  readonly "question-answering": QuestionTask;
}>;

/** What a row of a kind's data is. */
export type Rows = OfLabelledKinds<{
  readonly classification: TextExample;
  readonly regression: TextExample;
  readonly "question-answering": QuestionExample;
}>;

export type Task = Tasks[LabelledKind];
export type TextTask = Tasks[TextKind];

/** A split that was read. */
export interface Examples<E> {
  readonly examples: readonly E[];
  /** Rows that were left out because something was wrong with them. */
  readonly skipped: number;
}

/** How rows that cannot be used are met: the first is an error, or all are counted. */
export interface ReadOptions {
  readonly skipBadRows: boolean;
}

/**
 * A task with its data: what fine-tuning, evaluation and reports are given.
 *
 * Reading a split throws FormatError naming file and row where something is wrong with one, and ConfigError where the
 * split is not there.
 */
export type TaskData = DataOf<TextKind> | DataOf<"question-answering">;

export interface DataOf<K extends LabelledKind> {
  readonly task: Tasks[K];
  read(split: Split, options: ReadOptions): Promise<Examples<Rows[K]>>;
}
