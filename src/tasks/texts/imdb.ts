import { existsSync } from "node:fs";
import { join } from "node:path";
import { readText } from "../../data/readers/text-lines.js";
import { FormatError } from "../../errors.js";
import type { Examples, ReadOptions, Split, TaskData, TextExample, TextTask } from "../../kinds/task.js";
import { collect } from "../collect.js";
import { entriesOf, splitMissing, taskFolder } from "../split-files.js";
import { wordLabels } from "./labels.js";
import { openTextTask, type TextLayout } from "./text-folder.js";

type TextData = Extract<TaskData, { task: TextTask }>;

/** One in so many training examples is held out. */
const HELD_OUT_ONE_IN = 10;

/** What a task that gets its validation set so says of it. */
const HELD_OUT_TITLE = "the last tenth of the training set of each label, held out";

/**
 * The official test set, 25,000 labelled reviews, is what the paper reports; there is no validation set, so that part of
 * the training set chooses.
 */
const task: TextTask = {
  kind: "classification",
  name: "imdb",
  title: "IMDb",
  metrics: ["accuracy"],
  score: ["accuracy"],
  evaluationSplits: ["test"],
  selection: { split: "validation", title: HELD_OUT_TITLE },
  labels: ["negative", "positive"],
  isPair: false,
};

const HEADER = ["id", "label", "rating", "text"];

/** IMDb as TSV (id, label, rating, text; no header) or as the Hub's Parquet (stanfordnlp/imdb). */
const LAYOUT: TextLayout = {
  task,
  folders: ["imdb", "plain_text"],
  files: { train: ["train.tsv"], test: ["test.tsv"] },
  hasHiddenTest: false,
  own: {
    columns: { first: "text", second: null, label: "label", id: null }, // Its ids begin again with the other label.
    label: wordLabels(["0", "1"]),
    header: { train: HEADER, test: HEADER },
  },
  hub: { columns: { first: "text", second: null, label: "label", id: null } },
};

/** Folders of aclImdb, in the order of labels. */
const REVIEW_FOLDERS = ["neg", "pos"];

/**
 * IMDb's reviews: the aclImdb folder, TSV or Parquet. Of the training set a tenth is the validation set.
 *
 * @throws FormatError when the folder does not hold them
 */
export function openImdb(folder: string): TaskData {
  const holds = (candidate: string) => ["train", "test"].some((split) => existsSync(join(candidate, split, "pos")));
  const reviews = taskFolder(folder, ["aclImdb", "imdb"], holds);
  if (reviews === null) return holdOutLastTenth(openTextTask(LAYOUT, folder));
  return holdOutLastTenth({ task, read: async (split, options) => readReviews(reviews, split, options) });
}

interface Review {
  readonly path: string;
  readonly id: string;
  readonly label: number;
}

function readReviews(folder: string, split: Split, options: ReadOptions): Promise<Examples<TextExample>> {
  if (LAYOUT.files[split] === undefined) throw splitMissing(task.title, folder, split, LAYOUT.files);
  const reviews = REVIEW_FOLDERS.flatMap((name, label) => reviewFiles(folder, split, name, label));
  return collect(join(folder, split), stream(reviews), readReview, options);
}

/** In the order of their numbers: "10_3.txt" after "9_1.txt". */
function reviewFiles(folder: string, split: Split, name: string, label: number): Review[] {
  const files = entriesOf(join(folder, split, name)).filter((file) => file.endsWith(".txt"));
  if (files.length === 0) throw new FormatError(join(folder, split, name), "no .txt files here. Unpack aclImdb again.");
  return files
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map((file) => ({ path: join(folder, split, name, file), id: `${name}/${file.slice(0, -4)}`, label }));
}

async function* stream(reviews: readonly Review[]): AsyncGenerator<Review> {
  yield* reviews;
}

async function readReview({ path, id, label }: Review): Promise<TextExample> {
  const text = await readText(path, "a review");
  if (text.trim() === "") throw new FormatError(path, "the review is empty.");
  return { id, first: text, second: null, label };
}

/**
 * Gives a task without a validation set one: the last tenth of the training examples of each label, in the order of
 * their rows; the training set is what is left.
 *
 * Rows that lie together belong together (reviews of one film), so that every tenth row would be answered by its
 * neighbours.
 */
function holdOutLastTenth({ task, read }: TextData): TextData {
  return {
    task,
    read: async (split, options) => {
      if (split !== "train" && split !== "validation") return read(split, options);
      const whole = await read("train", options);
      const heldOut = lastTenth(whole.examples);
      const isWanted = (example: TextExample) => heldOut.has(example) === (split === "validation");
      const skipped = split === "train" ? whole.skipped : 0; // They are in neither part, and counted once.
      return { examples: whole.examples.filter(isWanted), skipped } satisfies Examples<TextExample>;
    },
  };
}

/** Of each label's n examples the last n / 10, rounded up, but never all. */
function lastTenth(examples: readonly TextExample[]): ReadonlySet<TextExample> {
  const labels = new Set(examples.map(({ label }) => label));
  const parts = [...labels].flatMap((wanted) => {
    const own = examples.filter(({ label }) => label === wanted);
    const count = Math.min(own.length - 1, Math.ceil(own.length / HELD_OUT_ONE_IN));
    return own.slice(own.length - count);
  });
  return new Set(parts);
}
