import { ConfigError } from "../../errors.js";
import type { AnswerWindow } from "../../kinds/answers.js";
import type { QuestionExample } from "../../kinds/task.js";
import { type EncodedText, longestQuestion, type PassageWindow, passageWindows } from "../../text/model-inputs.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import type { Feature } from "../task-batches.js";

/** One window of a passage with its question: [CLS] question [SEP] window [SEP]. */
export interface QuestionFeature extends Feature, AnswerWindow {}

/**
 * The windows of every question: of at most `sequenceLength` tokens, two neighbours sharing `windowStride` of the
 * passage. Targets are the first and the last token of the first answer, or [CLS] where the window does not hold it.
 *
 * As Hugging Face's run_qa.py; but a question that would leave no room for the passage is cut, where that stops.
 *
 * @throws ConfigError when windows cannot share so much
 */
export async function questionFeatures(
  examples: readonly QuestionExample[],
  tokenizer: Tokenizer,
  options: { sequenceLength: number; windowStride: number },
): Promise<QuestionFeature[]> {
  const { sequenceLength, windowStride } = options;
  const longest = longestQuestion(options);
  if (longest < 1) {
    throw new ConfigError(
      `windowStride: expected well below sequenceLength ${sequenceLength}, got ${windowStride}. Windows would hardly move on.`,
    );
  }
  const questions = await tokenizer.encodeIds(examples.map(({ question }) => question.trimStart()));
  const contexts = [...new Set(examples.map(({ context }) => context))]; // Several questions share one.
  const encoded = await tokenizer.encodeWithOffsets(contexts);
  const byText = new Map(contexts.map((context, i) => [context, encoded[i] as EncodedText]));
  return examples.flatMap((example, index) => {
    const question = (questions[index] as Uint32Array).subarray(0, longest);
    const context = byText.get(example.context) as EncodedText;
    return passageWindows(question, context, options, tokenizer.ids).map((window) => ({
      ...window,
      targets: targetsOf(example, window),
      example: index,
    }));
  });
}

/** [CLS] is position 0. */
function targetsOf(
  { answers: [answer] }: QuestionExample,
  { starts, ends, contextStart }: PassageWindow,
): [number, number] {
  const N = starts.length;
  if (answer === undefined || N === 0) return [0, 0];
  const [start, end] = [answer.start, answer.start + answer.text.length];
  if ((starts[0] ?? 0) > start || (ends[N - 1] ?? 0) < end) return [0, 0];
  let first = 0;
  while (first < N && (starts[first] ?? 0) <= start) first++;
  let last = N - 1;
  while (last >= 0 && (ends[last] ?? 0) >= end) last--;
  return [contextStart + first - 1, contextStart + last + 1];
}
