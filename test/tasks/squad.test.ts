import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/errors.js";
import type { Examples, QuestionExample, Split, TaskData } from "../../src/kinds/task.js";
import { openTask } from "../../src/tasks/open.js";
import { folderWith } from "../data/folders.js";
import { failureOf, HUB } from "./layouts.js";

const ELEPHANTS = "\u{1f418}\u{1f418} Elephants eat grass.";
/** As the official data count: by code points. */
const GRASS = { text: "grass", answer_start: 17 };

const question = (id: string, answers: unknown[], more = {}) => ({ id, question: "What?", answers, ...more });
const squad = (...qas: unknown[]) =>
  JSON.stringify({ version: "x", data: [{ title: "t", paragraphs: [{ context: ELEPHANTS, qas }] }] });
const squad1 = (...qas: unknown[]) => openTask("squad", folderWith({ "dev-v1.1.json": squad(...qas) }));
const squad2 = (...qas: unknown[]) => openTask("squad-v2", folderWith({ "dev-v2.0.json": squad(...qas) }));

async function questionsOf(data: TaskData, split: Split = "validation", skipBadRows = false) {
  return (await data.read(split, { skipBadRows })) as Examples<QuestionExample>;
}

describe("SQuAD 1.1", () => {
  test("offsets in code points become offsets in UTF-16", async () => {
    const { examples } = await questionsOf(squad1(question("a", [GRASS, { ...GRASS, ambiguous: 2 }])));
    const answer = { text: "grass", start: 19 };
    expect(examples).toEqual([{ id: "a", question: "What?", context: ELEPHANTS, answers: [answer, answer] }]);
    expect(ELEPHANTS.slice(19, 24)).toBe("grass");
  });

  test("both versions' files lie side by side in a folder called squad", async () => {
    const folder = folderWith({
      "squad/train-v1.1.json": squad(question("one", [GRASS])),
      "squad/train-v2.0.json": squad(question("two", [GRASS])),
    });
    expect((await questionsOf(openTask("squad", folder), "train")).examples[0]?.id).toBe("one");
    expect((await questionsOf(openTask("squad-v2", folder), "train")).examples[0]?.id).toBe("two");
  });
});

describe("SQuAD 2.0", () => {
  test("questions may have no answer; plausible ones do not count", async () => {
    const none = question("b", [], { is_impossible: true, plausible_answers: [GRASS] });
    const { examples } = await questionsOf(squad2(question("a", [GRASS], { is_impossible: false }), none));
    expect(examples.map(({ id, answers }) => [id, answers.length])).toEqual([
      ["a", 1],
      ["b", 0],
    ]);
  });

  test("as the Hub's Parquet, which pyarrow wrote", async () => {
    const { examples } = await questionsOf(openTask("squad-v2", HUB));
    expect(examples.map(({ id, question, answers }) => [id, question, answers])).toEqual([
      [
        "a",
        "What do elephants eat?",
        [
          { text: "grass", start: 17 },
          { text: "grass.", start: 17 },
        ],
      ],
      ["b", "What do elephants read?", []],
    ]);
    expect(examples[0]?.context.slice(17, 23)).toBe("grass.");
  });
});

describe("a bad question is named with its file and place, and counted when bad rows are skipped", () => {
  test.each<[string, TaskDataOf, unknown, RegExp]>([
    [
      "an answer that is not in its context",
      squad1,
      question("b", [{ text: "hay", answer_start: 17 }]),
      /the answer "hay" is not in its context at character 17: got "gra"\. Put it right/,
    ],
    [
      "an offset that counts UTF-16 units",
      squad1,
      question("b", [{ ...GRASS, answer_start: 19 }]),
      /"grass" is not in its context at character 19: got "ass\."\. Put it right/,
    ],
    [
      "an offset beyond the context",
      squad1,
      question("b", [{ ...GRASS, answer_start: 999 }]),
      /"grass" is not in its context at character 999: got ""\. Put it right/,
    ],
    ["an offset before it", squad1, question("b", [{ ...GRASS, answer_start: -1 }]), /answers\.0\.answer_start: /],
    ["an empty answer", squad1, question("b", [{ text: " ", answer_start: 2 }]), /an answer is empty\. Put it right/],
    ["an empty question", squad1, question("b", [GRASS], { question: " " }), /the question is empty\. Put it right/],
    ["a duplicated id", squad1, question("a", [GRASS]), /the id "a" was there before/],
    ["a question without an id", squad1, { question: "What?", answers: [GRASS] }, /qas\[1\]: id: /],
    ["a question without answers", squad1, { id: "b", question: "What?" }, /qas\[1\]: answers: /],
    [
      "a question nobody can answer, in SQuAD 1.1",
      squad1,
      question("b", []),
      /it has no answer: expected one in SQuAD 1\.1\. SQuAD 2\.0 is --task squad-v2\. Put it right/,
    ],
    [
      "an answer to what is said to be impossible",
      squad2,
      question("b", [GRASS], { is_impossible: true }),
      /is_impossible is true, but it has 1 answers/,
    ],
  ])("%s", async (_, open, bad, message) => {
    const data = open(question("a", [GRASS]), bad);
    const error = await failureOf(() => questionsOf(data));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(/dev-v[12]\.[01]\.json, data\[0\]\.paragraphs\[0\]\.qas\[1\]/);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("\n");
    const { examples, skipped } = await questionsOf(data, "validation", true);
    expect([examples.length, skipped]).toEqual([1, 1]);
  });
});

type TaskDataOf = (...qas: unknown[]) => TaskData;

test.each<[string, string | Buffer, RegExp]>([
  ["is not JSON", '{"data": [', /dev-v1\.1\.json: not JSON \(.+\)\. Fetch it again\.$/],
  ["is not UTF-8", Buffer.from([0x7b, 0xe9]), /dev-v1\.1\.json: expected SQuAD's JSON, got text that is not UTF-8/],
  ["is something else", '{"data": [{"rows": []}]}', /dev-v1\.1\.json: not SQuAD's JSON: data\.0\.paragraphs: /],
  ["has no questions", squad(), /validation: it has no rows/],
])("a file that %s is refused, also when bad rows are skipped", async (_, content, message) => {
  const data = openTask("squad", folderWith({ "dev-v1.1.json": content }));
  const error = await failureOf(() => questionsOf(data, "validation", true));
  expect(error).toBeInstanceOf(FormatError);
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain("\n");
});

test("a split the folder lacks is named", async () => {
  const { message } = await failureOf(() => questionsOf(squad1(question("a", [GRASS])), "train"));
  expect(message).toMatch(
    /no train split of SQuAD 1\.1 here: expected train-v1\.1\.json or train-\*\.parquet, got dev-v1/,
  );
});
