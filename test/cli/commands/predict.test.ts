import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ANSWERS,
  CLASSES,
  DISTILBERT,
  LABELS,
  type ModelShop,
  openModelShop,
  SCORE,
  TEACHER,
} from "../../infer/exported-models.js";
import { CLI, limbeck, type Options } from "../limbeck.js";

let shop: ModelShop;
let filler: string;
let classifier: string;
let answerer: string;
beforeAll(async () => {
  shop = openModelShop();
  filler = await shop.exported(TEACHER);
  classifier = await shop.task(DISTILBERT, CLASSES);
  answerer = await shop.task(DISTILBERT, ANSWERS);
});
afterAll(() => shop[Symbol.dispose]());

/** Nothing of it needs the engine. */
const predict = (model: string, args: readonly string[], options: Options = {}) =>
  limbeck(["predict", "--model", model, "--threads", "1", ...args], { env: { LIMBECK_ENGINE: "absent" }, ...options });

/** What a command prints, which must succeed. */
async function lines(
  model: string,
  args: readonly string[],
  options: Options = {},
): Promise<Record<string, unknown>[]> {
  const { status, stdout, stderr } = await predict(model, [...args, "--json"], options);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

describe("for people", () => {
  test("the likeliest pieces, with the text they make", async () => {
    const { status, stdout, stderr } = await predict(filler, [
      "--top",
      "2",
      "The [MASK] was built in the nineteenth century.",
    ]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const line = / +(\d+\.\d) % {2}(\w+) +The \2 was built in the nineteenth century\.\n/.source;
    const [, first, , second] = new RegExp(`^${line}${line.replace("\\2", "\\4")}$`).exec(stdout) ?? [];
    expect(Number(second)).toBeGreaterThan(0);
    expect(Number(first)).toBeGreaterThanOrEqual(Number(second));
  });

  test("a label for each text, and errors on standard error with status 2", async () => {
    const { status, stdout, stderr } = await predict(classifier, ["The river rises.", "", "The stone is cold."]);
    expect(stdout).toMatch(/^( *\d+\.\d % {2}(entailment|neutral|contradiction)\n){2}$/);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: "limbeck: text 2: expected a text with words in it, got an empty one.\n",
    });
  });
});

describe("as JSON lines", () => {
  test("from arguments, with the second text of pairs", async () => {
    const [first, second] = await lines(classifier, [
      "--second",
      "The water is high.",
      "The river rises.",
      "The stone is cold.",
    ]);
    expect(first).toMatchObject({ index: 0, label: expect.stringMatching(LABELS.join("|")), isCut: false });
    expect(second).toMatchObject({ index: 1, labels: [{}, {}, {}] });
  });

  test("from files of lines and of objects, in their order, ids included", async () => {
    const [plain, objects] = [join(shop.folder, "a.txt"), join(shop.folder, "b.jsonl")];
    writeFileSync(plain, "The river rises.\n\nThe stone is cold.\r\n");
    writeFileSync(
      objects,
      '{"text":"The river rises.","id":"x"}\n{"first":"The river rises.","second":"It does.","id":7}\n',
    );
    const all = await lines(classifier, ["--file", plain, objects]);
    expect(all.map(({ index, id }) => [index, id])).toEqual([
      [0, undefined],
      [1, undefined],
      [2, "x"],
      [3, 7],
    ]);
    // Which texts are read together depends on when they come, and the last digits on that.
    const [first, , third] = all.map(({ labels }) => labels as { label: string; probability: number }[]);
    expect(third).toEqual(
      first?.map(({ label, probability }) => ({ label, probability: expect.closeTo(probability, 5) })),
    );
    expect(all[3]?.labels).not.toEqual(all[0]?.labels);
  });

  test("from standard input, where a line that is wrong is an error in its place", async () => {
    const input = ["The [MASK] is.", '{"text":"A [MASK].","id":"x"}', '{"txt":1}', "none", '{"text":'].join("\n");
    const { status, stdout } = await predict(filler, ["--top", "1", "--json"], { input });
    expect(status).toBe(2);
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      {
        index: 0,
        masks: [{ start: 4, candidates: [expect.objectContaining({ text: expect.stringMatching(/^The \w+ is\.$/) })] }],
      },
      { index: 1, id: "x", masks: [expect.anything()] },
      { index: 2, error: "standard input:3: expected text, or first and second, as texts; got txt." },
      { index: 3, error: "standard input:4: expected a [MASK] in the text, got none." },
      { index: 4, error: expect.stringMatching(/^standard input:5: not a line of JSON/) },
    ]);
  });

  test("answers, whose passage is an option or stands in the line", async () => {
    const context = "The keeper saw the boat. ".repeat(30);
    const [given] = await lines(answerer, ["--context", context, "Who saw the boat?"]);
    const [read] = await lines(answerer, [], { input: JSON.stringify({ question: "Who saw the boat?", context }) });
    expect(read).toEqual(given);
    expect(context.slice(given?.start as number, given?.end as number)).toBe(given?.text);
    const [none] = await lines(answerer, ["--unanswerable", "--null-threshold", "-1e9", "--context", context, "Who?"]);
    expect(none).toMatchObject({ text: "", start: null });
  });

  test("scores and vectors", async () => {
    const [score] = await lines(await shop.task(DISTILBERT, SCORE), ["The river rises."]);
    expect(score).toEqual({ index: 0, score: expect.any(Number), isCut: false });
    const embedder = await shop.exported(TEACHER, "embed");
    const [{ embedding } = {}] = await lines(embedder, ["--normalize", "The river rises."]);
    expect(Math.hypot(...(embedding as number[]))).toBeCloseTo(1, 5);
  });

  test("as soon as they are there, while more may come", async () => {
    const child = spawn(process.execPath, [CLI, "predict", "--model", classifier, "--threads", "1", "--json"]);
    const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
    for (const index of [0, 1]) {
      child.stdin.write("The river rises.\n"); // And nothing after it, until the answer has come.
      const { value = "" } = await answers.next();
      expect(JSON.parse(value)).toMatchObject({ index });
    }
    child.stdin.end();
    expect(await answers.next()).toMatchObject({ done: true });
  });

  test("of many texts, however many", async () => {
    const input = Array.from({ length: 3000 }, (_, i) => `${i} rivers ${"rise ".repeat(i % 9)}`).join("\n");
    const all = await lines(classifier, ["--quiet"], { input });
    expect(all.map(({ index }) => index)).toEqual(Array.from({ length: 3000 }, (_, i) => i));
  });
});

describe("is refused in one line", () => {
  const refusals: [what: string, args: () => string[], line: RegExp][] = [
    ["a folder without onnx/", () => [TEACHER, "x"], /: expected onnx\/model\.onnx, got no such file\. Run "limbeck export --model .*teacher --out DIR", and give DIR\.$/],
    ["a folder that is not there", () => ["nowhere", "x"], /^limbeck: nowhere: expected an exported model's folder, got nothing there\. Check the path\.$/],
    ["a dtype nobody knows", () => [filler, "--dtype", "q4", "x"], /--dtype <dtype>.* Allowed choices are fp32, fp16, int8\./],
    ["another task than the model's", () => [filler, "--task", "classify", "x"], /: expected a model exported for classify, got BertForMaskedLM with logits\./],
    ["texts and files at once", () => [filler, "x", "--file", "y"], /^limbeck: expected texts as arguments or in --file, got both\. Give one of them\.$/],
    ["no texts at all", () => [filler], /^limbeck: standard input: expected texts, got none\.$/],
    ["a file that is not there", () => [filler, "--file", "nowhere.txt"], /^limbeck: nowhere\.txt: cannot be read/],
    ["a question without a passage", () => [answerer, "Who?"], /^limbeck: text 1: a question without a passage\. Give --context, or JSON lines with question and context\.$/],
    ["a passage without a question", () => [filler, "--task", "fill-mask", "--context", "x", "y"], /^limbeck: --context: expected --task question-answer, got fill-mask\.$/],
  ]; // biome-ignore format: a row each
  test.concurrent.each(refusals)("%s", async (_, args, line) => {
    const [model = "", ...rest] = args();
    const { status, stdout, stderr } = await predict(model, rest);
    expect(stderr).toMatch(/^limbeck: .+\n$/);
    expect(stderr.trimEnd()).toMatch(line);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });
});
