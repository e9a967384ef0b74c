import { readBytes, STANDARD_INPUT } from "../../data/readers/source-files.js";
import { linesOf } from "../../data/readers/text-lines.js";
import { FormatError, InputError } from "../../errors.js";
import type { PredictInput } from "../../infer/predict.js";
import type { Kind } from "../../kinds/kinds.js";
import { isJsonObject, type JsonObject, kindOf, oneLine } from "../../storage/json-file.js";

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
  readonly kind: Kind;
  /** The second text of every pair. */
  readonly second: string | null;
  /** The passage of every question. */
  readonly context: string | null;
}

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
    for await (const { number, text } of linesOf(path, readBytes(path), { mostBytes: MOST_LINE_BYTES })) {
      const where = `${name}:${number}`;
      if (text === null) yield broken(where, "expected UTF-8, got other bytes.");
      else if (text.trim() === "") continue;
      else if (/\.jsonl$/.test(path) || (path === STANDARD_INPUT && text.startsWith("{")))
        yield jsonInput(text, where, beside);
      else yield plainInput(text, where, beside);
    }
  }
}

/** How inputs of a kind are read. */
interface InputReader {
  /** An input of a text alone, or why it is none. */
  fromText(text: string, beside: Beside): PredictInput | { readonly missing: string };
  /** An input of an object's columns; null where one is not there, or no text. */
  fromObject(columns: JsonObject, beside: Beside): PredictInput | null;
  /** The columns in words. */
  readonly expected: string;
}

const TEXTS: InputReader = {
  fromText: (text, { second }) => (second === null ? text : { first: text, second }),
  fromObject: (columns, beside) => {
    const { text, first = text, second = beside.second } = columns;
    if (typeof first !== "string") return null;
    if (second === null) return first;
    return typeof second === "string" ? { first, second } : null;
  },
  expected: "text, or first and second",
};

const QUESTIONS: InputReader = {
  fromText: (question, { context }) =>
    context === null
      ? { missing: "a question without a passage. Give --context, or JSON lines with question and context." }
      : { question, context },
  fromObject: (columns, beside) => {
    const { question, context = beside.context } = columns;
    return typeof question === "string" && typeof context === "string" ? { question, context } : null;
  },
  expected: "question and context",
};

const READERS: Readonly<Record<Kind, InputReader>> = {
  "masked-words": TEXTS,
  classification: TEXTS,
  regression: TEXTS,
  "question-answering": QUESTIONS,
  embedding: TEXTS,
};

function plainInput(text: string, where: string, beside: Beside): GivenInput {
  const input = READERS[beside.kind].fromText(text, beside);
  return typeof input === "object" && "missing" in input ? broken(where, input.missing) : { where, id: null, input };
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
  const { fromObject, expected } = READERS[beside.kind];
  const input = fromObject(value, beside);
  if (input !== null) return { where, id, input };
  const got = Object.keys(value).join(", ") || "nothing";
  return { ...broken(where, `expected ${expected}, as texts; got ${got}.`), id };
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
