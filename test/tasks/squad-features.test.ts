import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/errors.js";
import type { QuestionExample } from "../../src/kinds/task.js";
import { openTask } from "../../src/tasks/open.js";
import { type QuestionFeature, questionFeatures } from "../../src/tasks/questions/squad-features.js";
import { padded } from "../../src/text/model-inputs.js";
import { loadTokenizer } from "../../src/text/tokenizer.js";
import { folderWith } from "../data/folders.js";
import { data, dataPath, needs, PYTHON, python } from "../needs.js";

const archive = dataPath("squad.tar.xz");
const vocab = dataPath("vocab");
const TEACHER = fileURLToPath(new URL("../../assets/teacher", import.meta.url));
const SCRIPT = fileURLToPath(new URL("../goldens/squad-features.py", import.meta.url));
const MEBIBYTE = 2 ** 20;

/** A feature as squad-features.py prints it. */
interface Expected {
  example: number;
  inputIds: number[];
  tokenTypeIds: number[];
  contextStart: number;
  starts: number[];
  ends: number[];
  startPosition: number;
  endPosition: number;
}

interface Golden {
  sequenceLength: number;
  windowStride: number;
  examples: Omit<QuestionExample, "id">[];
  features: Expected[];
}

const golden: Golden = JSON.parse(readFileSync(new URL("../goldens/squad-features.json", import.meta.url), "utf8"));

/**
 * Where an answer starts with the last token of a window, the recipe's loop runs on through [SEP] and padding, and the
 * start comes to lie there, after the end. Here it is that token.
 */
function startOf({ startPosition, contextStart, starts }: Expected): number {
  return Math.min(startPosition, contextStart + Math.max(0, starts.length - 1));
}

function plain(feature: QuestionFeature) {
  const { ids, targets, example, contextStart, starts, ends } = feature;
  return {
    example,
    inputIds: [...ids],
    tokenTypeIds: [...padded([feature], 0).tokenTypeIds],
    contextStart,
    starts: [...starts],
    ends: [...ends],
    targets: [...targets],
  };
}

function expectFeatures(features: readonly QuestionFeature[], expected: readonly Expected[]): void {
  expect(features.length).toBe(expected.length);
  for (const [i, given] of expected.entries()) {
    const { startPosition, endPosition, ...rest } = given;
    expect(plain(features[i] as QuestionFeature)).toEqual({ ...rest, targets: [startOf(given), endPosition] });
  }
}

const withId = (example: Omit<QuestionExample, "id">, i: number): QuestionExample => ({ id: `${i}`, ...example });

function questionOn(context: string, answer: string, question = "What is it?"): QuestionExample {
  return { id: "0", question, context, answers: [{ text: answer, start: context.lastIndexOf(answer) }] };
}

describe("features are those of Hugging Face's question-answering recipe", () => {
  test("of made-up questions, with accents, emoji, Chinese, and several windows", async () => {
    const tokenizer = await loadTokenizer(TEACHER);
    expectFeatures(await questionFeatures(golden.examples.map(withId), tokenizer, golden), golden.features);
  });

  test("but for the start of an answer that is the last token of a window, which the golden holds once", () => {
    const others = golden.features.filter((feature) => startOf(feature) !== feature.startPosition);
    expect(others.map(({ startPosition, endPosition }) => [startPosition, endPosition])).toEqual([[39, 38]]);
  });

  test("of 200 questions of SQuAD", needs(data("squad.tar.xz", "vocab"), python("tokenizers")), async () => {
    const chosen = await realQuestions();
    const features = await questionFeatures(chosen, await loadTokenizer(vocab), {
      sequenceLength: 384,
      windowStride: 128,
    });
    const output = execFileSync(PYTHON, [SCRIPT, join(vocab, "tokenizer.json"), "384", "128"], {
      input: JSON.stringify(chosen),
      env: { ...process.env, PYTHONIOENCODING: "utf-8" },
      encoding: "utf8",
      maxBuffer: 256 * MEBIBYTE,
    });
    expectFeatures(features, JSON.parse(output));
    expect(features.length).toBeGreaterThan(chosen.length + 100); // A hundred of them need more than one window.
  });
});

/** The hundred with the longest passages, and a hundred spread over the others. */
async function realQuestions(): Promise<QuestionExample[]> {
  const folder = folderWith({});
  mkdirSync(folder, { recursive: true });
  execFileSync("tar", ["-xJf", archive, "-C", folder, "squad/dev-v1.1.json"]);
  const squad = openTask("squad", join(folder, "squad"));
  const { examples } = await squad.read("validation", { skipBadRows: false });
  const byLength = (examples as QuestionExample[]).toSorted((a, b) => b.context.length - a.context.length);
  const step = Math.floor((byLength.length - 100) / 100);
  return [
    ...byLength.slice(0, 100),
    ...Array.from({ length: 100 }, (_, i) => byLength[100 + i * step] as QuestionExample),
  ];
}

describe("windows", () => {
  const WORDS = Array.from({ length: 100 }, (_, i) => ["water", "stone", "river", "hill"][i % 4]).join(" ");

  test("cover the passage, and two neighbours share the stride", async () => {
    const tokenizer = await loadTokenizer(TEACHER);
    const [whole] = await tokenizer.encodeWithOffsets([WORDS]);
    const features = await questionFeatures([questionOn(WORDS, "hill")], tokenizer, {
      sequenceLength: 32,
      windowStride: 10,
    });
    const tokens = features.map(({ ids, contextStart }) => [...ids.subarray(contextStart, -1)]);
    const joined = tokens.flatMap((window, i) => (i === 0 ? window : window.slice(10)));
    expect(joined).toEqual([...(whole?.ids ?? [])]);
    expect(Math.max(...features.map(({ ids }) => ids.length))).toBe(32);
  });

  test("the answer's tokens, cut from the passage by their offsets, are the answer", async () => {
    const tokenizer = await loadTokenizer(TEACHER);
    const context = "The 😀 café in Überstadt opened in 1887.";
    const [feature] = await questionFeatures([questionOn(context, "café in Überstadt")], tokenizer, {
      sequenceLength: 48,
      windowStride: 8,
    });
    const { targets, contextStart, starts, ends } = feature as QuestionFeature;
    const [first = 0, last = 0] = targets;
    expect(context.slice(starts[first - contextStart], ends[last - contextStart])).toBe("café in Überstadt");
  });

  test("a question too long for its passage is cut, where the recipe stops", async () => {
    const tokenizer = await loadTokenizer(TEACHER);
    const features = await questionFeatures([questionOn("the river", "river", WORDS)], tokenizer, {
      sequenceLength: 32,
      windowStride: 10,
    });
    expect(features.map(({ contextStart, targets }) => [contextStart, targets])).toEqual([[17, [18, 18]]]);
  });

  test("that could hardly move on are refused", async () => {
    const tokenizer = await loadTokenizer(TEACHER);
    const made = questionFeatures([questionOn(WORDS, "hill")], tokenizer, { sequenceLength: 32, windowStride: 25 });
    await expect(made).rejects.toThrow(ConfigError);
    await expect(made).rejects.toThrow("windowStride: expected well below sequenceLength 32, got 25");
  });
});
