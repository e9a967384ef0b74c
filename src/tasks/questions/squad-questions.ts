import { z } from "zod";
import { cellText } from "../../data/readers/row.js";
import { type RowFile, readRows } from "../../data/readers/rows.js";
import { readText } from "../../data/readers/text-lines.js";
import { FormatError } from "../../errors.js";
import type { Examples, QuestionExample, QuestionTask, ReadOptions } from "../../kinds/task.js";
import { oneLine } from "../../storage/json-file.js";
import { collect, Ids } from "../collect.js";

/** A question as it stands in a file, not checked yet. */
interface RawQuestion {
  readonly where: string;
  readonly value: unknown;
}

const questionSchema = z.object({
  id: z.string().min(1),
  question: z.string(),
  context: z.string(),
  /** Left out where the answers are hidden. */
  answers: z.array(z.object({ text: z.string(), answer_start: z.int().min(0) })),
  is_impossible: z.boolean().optional(),
});

/** What holds the questions; they are checked one by one. */
const fileSchema = z.object({
  data: z.array(
    z.object({
      paragraphs: z.array(z.object({ context: z.string(), qas: z.array(z.record(z.string(), z.unknown())) })),
    }),
  ),
});

/**
 * Checks questions and turns their offsets, which count code points, into UTF-16 units.
 *
 * @throws FormatError for the first question that is wrong, unless they are skipped
 */
export function readQuestions(
  what: string,
  questions: AsyncIterable<RawQuestion>,
  task: QuestionTask,
  options: ReadOptions,
): Promise<Examples<QuestionExample>> {
  const ids = new Ids();
  return collect(
    what,
    questions,
    (question) => {
      const example = questionExample(question, task);
      ids.add(example.id, question.where);
      return example;
    },
    options,
  );
}

/** The questions of official JSON files. */
export async function* jsonQuestions(paths: readonly string[]): AsyncGenerator<RawQuestion> {
  for (const path of paths) {
    for (const [article, { paragraphs }] of (await readJson(path)).data.entries()) {
      for (const [paragraph, { context, qas }] of paragraphs.entries()) {
        for (const [index, question] of qas.entries()) {
          const where = `${path}, data[${article}].paragraphs[${paragraph}].qas[${index}]`;
          yield { where, value: { ...question, context } };
        }
      }
    }
  }
}

/** The questions of the Hub's Parquet, where a row's answers are lists side by side. */
export async function* parquetQuestions(files: readonly RowFile[]): AsyncGenerator<RawQuestion> {
  for (const file of files) {
    const columns = { required: ["id", "context", "question", "answers"], optional: [] };
    for await (const { where, cells } of readRows(file, columns)) {
      yield { where, value: { ...cells, answers: pairs(cells?.answers) } };
    }
  }
}

function pairs(answers: unknown): unknown {
  if (typeof answers !== "object" || answers === null || !("text" in answers && "answer_start" in answers))
    return answers;
  const { text, answer_start: starts } = answers;
  if (!Array.isArray(text) || !Array.isArray(starts) || text.length !== starts.length) return answers;
  return text.map((answer, i) => ({ text: answer, answer_start: Number(starts[i]) }));
}

async function readJson(path: string): Promise<z.infer<typeof fileSchema>> {
  const text = await readText(path, "SQuAD's JSON");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(path, `not JSON (${oneLine(cause)}). Fetch it again.`, { cause });
  }
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new FormatError(path, `not SQuAD's JSON: ${issueText(parsed.error)}. Expected data, paragraphs, qas.`);
}

function issueText(error: z.ZodError): string {
  const [issue] = error.issues;
  return `${issue?.path.join(".") || "the top"}: ${oneLine(issue?.message ?? "")}`;
}

function questionExample({ where, value }: RawQuestion, task: QuestionTask): QuestionExample {
  const parsed = questionSchema.safeParse(value);
  if (!parsed.success) throw new FormatError(where, `${issueText(parsed.error)}.`);
  const { id, question, context, answers, is_impossible: isImpossible = answers.length === 0 } = parsed.data;
  const place = `${where}, question ${JSON.stringify(id)}`;
  if (question.trim() === "") throw new FormatError(place, "the question is empty.");
  if (context.trim() === "") throw new FormatError(place, "the context is empty.");
  if (isImpossible && !task.hasUnanswerable) {
    throw new FormatError(place, `it has no answer: expected one in ${task.title}. SQuAD 2.0 is --task squad-v2.`);
  }
  if (isImpossible !== (answers.length === 0)) {
    throw new FormatError(place, `is_impossible is ${isImpossible}, but it has ${answers.length} answers.`);
  }
  const codePoints = new CodePoints(context);
  return { id, question, context, answers: answers.map((answer) => placed(answer, context, codePoints, place)) };
}

function placed(
  { text, answer_start: codePoint }: { text: string; answer_start: number },
  context: string,
  codePoints: CodePoints,
  where: string,
): { text: string; start: number } {
  if (text.trim() === "") throw new FormatError(where, "an answer is empty.");
  const start = codePoints.unitAt(codePoint);
  if (context.startsWith(text, start)) return { text, start };
  const got = cellText(context.slice(start, start + text.length));
  throw new FormatError(
    where,
    `the answer ${cellText(text)} is not in its context at character ${codePoint}: got ${got}.`,
  );
}

/** Counts a text in Unicode code points, as Python does, where JavaScript counts UTF-16 units. */
class CodePoints {
  readonly #text: string;
  /** Whether every code point is one unit: then the two counts agree. */
  readonly #isPlain: boolean;

  constructor(text: string) {
    this.#text = text;
    this.#isPlain = !/[\ud800-\udbff][\udc00-\udfff]/.test(text);
  }

  /** Where a code point begins in UTF-16 units; beyond the text for one that is not there. */
  unitAt(codePoint: number): number {
    if (this.#isPlain) return codePoint;
    let unit = 0;
    for (let i = 0; i < codePoint; i++) unit += (this.#text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
    return unit;
  }
}
