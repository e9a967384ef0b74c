import { FormatError, InputError } from "../../errors.js";
import type { Question } from "../../infer/answer.js";
import type { TextPair } from "../../infer/sequences.js";
import type { PipelineTask } from "../../kinds/pipeline-names.js";
import { isJsonObject, type JsonObject, kindOf, oneLine } from "../../storage/json-file.js";
import { readTextLines } from "../../tasks/rows/text-lines.js";

/** What a pipeline is given. */
export type PredictInput = string | TextPair | Question;

/** One of the inputs, or why it is none. */
export interface GivenInput {
  /** As it is named in errors: "text 3", "reviews.jsonl:7". */
  readonly where: string;
  /** What the input calls itself. */
  readonly id: string | number | null;
  readonly input: PredictInput | InputError;
}

/** What is asked of each text, beside the text. */
export interface Beside {
  readonly task: PipelineTask;
  /** The second text of every pair. */
  readonly second: string | null;
  /** The passage of every question. */
  readonly context: string | null;
}

export const STANDARD_INPUT = "-";

/** Longer lines are no texts: they would fill the memory before anybody could say so. */
const MOST_LINE_BYTES = 1 << 26;

/** The texts of the command line. */
export async function* argumentInputs(texts: readonly string[], beside: Beside): AsyncGenerator<GivenInput> {
  for (const [i, text] of texts.entries()) yield plainInput(text, `text ${i + 1}`, beside);
}

/**
 * The texts of files and of standard input: a line each, or an object a line in files called .jsonl and where a line of
 * standard input begins with a brace. Empty lines are left out.
 *
 * @throws FormatError when a file cannot be read
 */
export async function* fileInputs(paths: readonly string[], beside: Beside): AsyncGenerator<GivenInput> {
  for (const path of paths) {
    const name = path === STANDARD_INPUT ? "standard input" : path;
    for await (const { number, text } of readTextLines(path, { mostBytes: MOST_LINE_BYTES })) {
      const where = `${name}:${number}`;
      if (text === null) yield broken(where, "expected UTF-8, got other bytes.");
      else if (text.trim() === "") continue;
      else if (/\.jsonl$/.test(path) || (path === STANDARD_INPUT && text.startsWith("{")))
        yield jsonInput(text, where, beside);
      else yield plainInput(text, where, beside);
    }
  }
}

function plainInput(text: string, where: string, { task, second, context }: Beside): GivenInput {
  if (task !== "question-answer") return { where, id: null, input: second === null ? text : { first: text, second } };
  if (context !== null) return { where, id: null, input: { question: text, context } };
  return broken(where, "a question without a passage. Give --context, or JSON lines with question and context.");
}

function jsonInput(line: string, where: string, beside: Beside): GivenInput {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return broken(where, `not a line of JSON (${oneLine(error)}).`);
  }
  if (!isJsonObject(value)) return broken(where, `expected a JSON object, got ${kindOf(value)}.`);
  const id = typeof value.id === "string" || typeof value.id === "number" ? value.id : null;
  const input = inputOf(value, beside);
  if (input !== null) return { where, id, input };
  const expected = beside.task === "question-answer" ? "question and context" : "text, or first and second";
  const got = Object.keys(value).join(", ") || "nothing";
  return { ...broken(where, `expected ${expected}, as texts; got ${got}.`), id };
}

/** null where what it needs is not there, or no text. */
function inputOf(value: JsonObject, beside: Beside): PredictInput | null {
  const { text, first = text, second = beside.second, question, context = beside.context } = value;
  if (beside.task === "question-answer") {
    return typeof question === "string" && typeof context === "string" ? { question, context } : null;
  }
  if (typeof first !== "string") return null;
  if (second === null) return first;
  return typeof second === "string" ? { first, second } : null;
}

function broken(where: string, message: string): GivenInput {
  return { where, id: null, input: new InputError(where, 0, message) };
}

/**
 * Inputs in groups of at most `most`; what has come is given on after a moment, so that whoever writes a line and waits
 * gets an answer.
 */
export async function* inGroups<T>(
  inputs: AsyncGenerator<T>,
  { most, waitMs }: { most: number; waitMs: number },
): AsyncGenerator<T[]> {
  let pending = inputs.next();
  for (;;) {
    const first = await pending;
    if (first.done) return;
    const group = [first.value];
    pending = inputs.next();
    pending.catch(() => {}); // Awaited below, or at the next group.
    const moment = new AbortController();
    const late = new Promise<null>((resolve) => {
      const timer = setTimeout(() => resolve(null), waitMs);
      moment.signal.addEventListener("abort", () => clearTimeout(timer));
    });
    while (group.length < most) {
      const next = await Promise.race([pending, late]);
      if (next === null || next.done) break;
      group.push(next.value);
      pending = inputs.next();
      pending.catch(() => {});
    }
    moment.abort();
    yield group;
  }
}

/** @throws FormatError when nothing was given */
export async function* atLeastOne<T>(inputs: AsyncGenerator<T>, what: string): AsyncGenerator<T> {
  let isEmpty = true;
  for await (const input of inputs) {
    isEmpty = false;
    yield input;
  }
  if (isEmpty) throw new FormatError(what, "expected texts, got none.");
}
