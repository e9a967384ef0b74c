import type { Examples, TaskData, TextExample, TextTask } from "../../kinds/task.js";

type TextData = Extract<TaskData, { task: TextTask }>;

/** One in so many training examples is held out. */
const HELD_OUT_ONE_IN = 10;

/** What a task that gets its validation set so says of it. */
export const HELD_OUT_TITLE = "the last tenth of the training set of each label, held out";

/**
 * Gives a task without a validation set one: the last tenth of the training examples of each label, in the order of
 * their rows; the training set is what is left.
 *
 * Rows that lie together belong together (reviews of one film), so that every tenth row would be answered by its
 * neighbours.
 */
export function holdOutLastTenth({ task, read }: TextData): TextData {
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
