import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { liveTensors } from "../../src/engine/tensor/scope.js";
import { ConfigError, FormatError, Interrupted } from "../../src/errors.js";
import type { Split, TaskData } from "../../src/kinds/task.js";
import { readMetrics } from "../../src/runs/metrics-log.js";
import { evaluate as evaluateModel } from "../../src/tasks/evaluate-model.js";
import { finetune } from "../../src/tasks/finetune.js";
import type { FinetuneOptions } from "../../src/tasks/finetune-options.js";
import type { FinetuneResult } from "../../src/tasks/run-report.js";
import { smallCorpus, untrainedModel } from "../training/loop/small-corpus.js";
import { numberTask, questionTask, smallFinetuning, topicTask } from "./made-up-task.js";

let folder: string;
let model: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-finetune-"));
  const { tokenizer } = await smallCorpus(folder);
  model = await untrainedModel(join(folder, "model"), tokenizer);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const silent = { estimate() {}, step() {}, evaluation() {}, saved() {} };

function optionsOf(name: string, changes: Partial<FinetuneOptions> = {}): FinetuneOptions {
  return {
    recipe: smallFinetuning,
    data: topicTask,
    dataPath: "made up",
    model,
    teacher: null,
    skipBadRows: false,
    out: join(folder, name),
    resume: false,
    device: "cpu",
    cadence: { logEverySteps: 1, saveEverySteps: 3, saveEveryMinutes: 60 },
    observer: silent,
    ...changes,
  };
}

const evaluate = (result: FinetuneResult, data: TaskData) =>
  evaluateModel({ model: result.model, data, recipe: smallFinetuning }).then(({ results }) => results);

const weightsOf = (out: string) => readFileSync(join(out, "model", "model.safetensors"));

describe("a run that is finished", () => {
  const recipe = { ...smallFinetuning, epochs: 1 };
  const refusing = { ...silent, step: () => expect.unreachable(), estimate: () => expect.unreachable() };

  test("keeps its model and figures, and nothing that only served to go on", async () => {
    const { run } = await finetune(optionsOf("finished", { recipe }));
    expect(readdirSync(run).filter((name) => !name.startsWith("events."))).toEqual(
      ["environment.json", "metrics.jsonl", "model", "recipe.json", "report.json", "sources.json"], // biome-ignore format: a row
    );
  });

  test("is recognised by its report, and not repeated", async () => {
    const result = await finetune(optionsOf("again", { recipe }));
    const leftover = join(result.run, "checkpoints/step-10"); // As if it had been killed before they were removed.
    mkdirSync(leftover, { recursive: true });
    expect(await finetune(optionsOf("again", { recipe, resume: true, observer: refusing }))).toEqual(result);
    expect(existsSync(leftover)).toBe(false);
  });

  test("is not one before its report is written: then it goes on from its checkpoint", async () => {
    const whole = await finetune(optionsOf("whole", { recipe }));
    const blocked = join(folder, "killed/report.json");
    const observer = { ...silent, step: () => mkdirSync(blocked, { recursive: true }) };
    await expect(finetune(optionsOf("killed", { recipe, observer: observer as never }))).rejects.toThrow(
      /report\.json/,
    );
    rmSync(blocked, { recursive: true });
    let steps = 0;
    const counting = { ...silent, step: () => void steps++ };
    const resumed = await finetune(optionsOf("killed", { recipe, resume: true, observer: counting }));
    expect(resumed).toEqual({ ...whole, run: join(folder, "killed"), model: join(folder, "killed/model") });
    expect(steps).toBe(0);
    expect(weightsOf(resumed.run).equals(weightsOf(whole.run))).toBe(true);
  });

  test("whose model was removed, or that is another's, is no result", async () => {
    const { model: made } = await finetune(optionsOf("removed", { recipe }));
    await expect(finetune(optionsOf("removed", { recipe, resume: true, data: numberTask }))).rejects.toThrow(
      /report\.json: expected task numbers, got topics/,
    );
    rmSync(made, { recursive: true });
    await expect(finetune(optionsOf("removed", { recipe, resume: true }))).rejects.toThrow(
      /removed\/model: expected the model of this finished run, got nothing/,
    );
  });
});

describe("fine-tuning", () => {
  let before: number;
  let result: FinetuneResult;
  beforeAll(async () => {
    before = liveTensors();
    result = await finetune(optionsOf("topics"));
  });

  test("learns a task from its labels, and leaves no tensor behind", () => {
    expect(result.metrics.validation?.accuracy).toBeGreaterThan(0.9); // Half of them by chance.
    expect(liveTensors()).toBe(before);
  });

  test("keeps the weights of the best evaluation", async () => {
    const evaluations = readMetrics(join(result.run, "metrics.jsonl")).filter(
      ({ heldOutScore }) => heldOutScore != null,
    );
    expect(evaluations.map(({ step }) => step)).toEqual([5, 10, 15, 20, 25, 30, 35, 40]); // Two an epoch, none before.
    const scores = evaluations.map(({ heldOutScore }) => Number(heldOutScore));
    expect(result.score).toBe(Math.max(...scores));
    expect(result.step).toBe(evaluations[scores.indexOf(result.score)]?.step);
  });

  test("leaves a model that evaluates to the same, with its labels by name", async () => {
    const [again] = await evaluate(result, topicTask);
    expect(again?.metrics).toEqual(result.metrics.validation);
    const config: unknown = JSON.parse(readFileSync(join(result.model, "config.json"), "utf8"));
    expect(config).toMatchObject({
      architectures: ["BertForSequenceClassification"],
      id2label: { 0: "low", 1: "high" },
      label2id: { low: 0, high: 1 },
      problem_type: "single_label_classification",
    });
  });

  test("reports what it was, for tables to read", () => {
    const report: unknown = JSON.parse(readFileSync(join(result.run, "report.json"), "utf8"));
    expect(report).toMatchObject({
      kind: "finetune",
      task: { name: "topics" },
      seeds: [1],
      teacher: null,
      score: result.score,
    });
  });

  test("interrupted at any step and resumed, ends with the same weights to the bit", async () => {
    for (const stopAt of [1, 7, 26]) {
      const out = join(folder, `resumed-${stopAt}`);
      const controller = new AbortController();
      const observer = { ...silent, step: ({ step }: { step: number }) => step === stopAt && controller.abort() };
      const options = optionsOf(`resumed-${stopAt}`, { observer: observer as never, signal: controller.signal });
      await expect(finetune(options)).rejects.toThrow(Interrupted);
      if (stopAt === 26) rmSync(join(out, "metrics.jsonl")); // A log: which weights were best is in the checkpoint.
      const resumed = await finetune(optionsOf(`resumed-${stopAt}`, { resume: true }));
      expect(resumed).toEqual({ ...result, run: out, model: join(out, "model") });
      expect(weightsOf(out).equals(weightsOf(result.run))).toBe(true);
    }
  });

  test("as if killed, at any step and again, ends with the same weights to the bit", async () => {
    const out = join(folder, "crashed");
    const evaluated: number[] = [];
    for (const [resume, crashAt] of [
      [false, 3], // Before the first evaluation, which the first checkpoint follows.
      [true, 12],
      [true, 33],
    ] as const) {
      const crash = ({ step }: { step: number }) => {
        if (step === crashAt) throw new Error("as if killed");
      };
      const observer = { ...silent, step: crash, evaluation: (step: number) => void evaluated.push(step) };
      const options = optionsOf("crashed", { resume, observer: observer as never });
      await expect(finetune(options)).rejects.toThrow("as if killed");
    }
    expect(evaluated.length).toBeGreaterThan(4);
    const resumed = await finetune(optionsOf("crashed", { resume: true }));
    expect(resumed).toEqual({ ...result, run: out, model: join(out, "model") });
    expect(weightsOf(out).equals(weightsOf(result.run))).toBe(true);
    const steps = readMetrics(join(out, "metrics.jsonl")).filter(({ heldOutScore }) => heldOutScore != null);
    expect(steps.map(({ step }) => step)).toEqual([5, 10, 15, 20, 25, 30, 35, 40]); // Each is on record once.
  });

  test("with another seed draws another head and another order", async () => {
    const other = await finetune(
      optionsOf("seed-2", { recipe: { ...smallFinetuning, seed: 2, steps: 3, epochs: null } }),
    );
    expect(weightsOf(other.run).equals(weightsOf(result.run))).toBe(false);
  });

  test("takes part of the examples, the same whatever the seed", async () => {
    const few = { ...smallFinetuning, trainExamples: 32, epochs: 1 };
    expect((await finetune(optionsOf("few", { recipe: few }))).trainExamples).toBe(32);
  });
});

describe("a task whose figures are of the test set", () => {
  /** The test set has the other labels: whoever chooses by it chooses the worst. */
  const read: (typeof topicTask)["read"] = async (split, options) => {
    const { examples, skipped } = await topicTask.read(split === "test" ? "validation" : split, options);
    const flipped = examples.map((each) => ({ ...each, label: 1 - Number((each as { label: number }).label) }));
    return { examples: split === "test" ? flipped : examples, skipped } as never;
  };
  const selection = { split: "validation", title: "another part" } as const;
  const data = { task: { ...topicTask.task, evaluationSplits: ["test"], selection }, read } as TaskData;

  test("chooses its weights on another split, and sees the test set once, with them", async () => {
    const seen: Split[] = [];
    const noting = async (split: Split, options: never) => {
      seen.push(split);
      return data.read(split, options);
    };
    const watched = { ...data, read: noting } as TaskData;
    const told: string[] = [];
    const observer = { ...silent, evaluating: (done: number, total: number) => void told.push(`${done}/${total}`) };
    const result = await finetune(optionsOf("selected", { data: watched, observer }));
    const evaluations = readMetrics(join(result.run, "metrics.jsonl")).flatMap(({ step, heldOutAccuracy }) =>
      typeof heldOutAccuracy === "number" ? [{ step, accuracy: heldOutAccuracy }] : [],
    );
    const best = Math.max(...evaluations.map(({ accuracy }) => accuracy));
    expect(result.step).toBe(evaluations.find(({ accuracy }) => accuracy === best)?.step);
    expect(result.metrics.test?.accuracy).toBeCloseTo(1 - best, 9);
    expect(result.selection).toEqual({ ...selection, exampleCount: 48 });
    expect(readFileSync(join(result.model, "README.md"), "utf8")).toMatch(/weights chosen on.*another part/);
    expect(seen.sort()).toEqual(["test", "train", "validation"]);
    expect(told.filter((line) => line === "48/48")).toHaveLength(8 + 1); // Eight evaluations, and the test set.
  });

  test("interrupted and resumed, comes to the same", async () => {
    const controller = new AbortController();
    const observer = { ...silent, step: ({ step }: { step: number }) => step === 26 && controller.abort() };
    const options = optionsOf("selected-2", { data, observer: observer as never, signal: controller.signal });
    await expect(finetune(options)).rejects.toThrow(Interrupted);
    const resumed = await finetune(optionsOf("selected-2", { data, resume: true }));
    const { run, model: made, ...whole } = await finetune(optionsOf("selected", { data, resume: true }));
    expect(resumed).toMatchObject(whole);
    expect(weightsOf(resumed.run).equals(weightsOf(run))).toBe(true);
  });
});

test("a score is learned by squared error", async () => {
  const result = await finetune(optionsOf("numbers", { data: numberTask }));
  expect(result.metrics.validation?.pearson).toBeGreaterThan(0.8);
  const config: unknown = JSON.parse(readFileSync(join(result.model, "config.json"), "utf8"));
  expect(config).toMatchObject({ problem_type: "regression", id2label: { 0: "LABEL_0" } });
});

test("answers are learned from windows, and cut from the passage", async () => {
  const recipe = { ...smallFinetuning, epochs: 8 };
  const result = await finetune(optionsOf("questions", { data: questionTask, recipe }));
  const losses = readMetrics(join(result.run, "metrics.jsonl")).flatMap(({ hard }) =>
    typeof hard === "number" ? [hard] : [],
  );
  expect(Math.min(...losses.slice(-10))).toBeLessThan(0.8 * (losses[0] ?? 0));
  const [evaluation] = await evaluate(result, questionTask);
  expect(evaluation?.metrics).toEqual(result.metrics.validation);
  const { examples } = await questionTask.read("validation", { skipBadRows: false });
  for (const [i, { id, value }] of (evaluation?.predictions ?? []).entries()) {
    const example = examples[i] as { id: string; context: string };
    expect(id).toBe(example.id);
    expect(example.context).toContain(value);
  }
});

test("questions without an answer have figures of their own", async () => {
  const task = { ...questionTask.task, name: "strangers-2", hasUnanswerable: true };
  const read: (typeof questionTask)["read"] = async (split, options) => {
    const { examples, skipped } = await questionTask.read(split, options);
    return { examples: examples.map((each, i) => (i % 3 === 0 ? { ...each, answers: [] } : each)), skipped } as never;
  };
  const data = { task, read } as TaskData;
  const result = await finetune(optionsOf("unanswerable", { data, recipe: { ...smallFinetuning, epochs: 1 } }));
  const [evaluation] = await evaluate(result, data);
  const { HasAns_f1 = -1, NoAns_f1 = -1, best_f1 = -1 } = evaluation?.details ?? {};
  const squadF1 = evaluation?.metrics.squadF1 ?? -1;
  expect(squadF1).toBeCloseTo((32 * HasAns_f1 + 16 * NoAns_f1) / 48, 9);
  expect(best_f1).toBeGreaterThanOrEqual(squadF1);
});

describe("the second step of distillation", () => {
  test("learns from the teacher alone where labels count nothing", async () => {
    const teacher = (await finetune(optionsOf("teacher"))).model;
    const student = optionsOf("student", { teacher, recipe: { ...smallFinetuning, alphaHard: 0, alphaSoft: 1 } });
    const result = await finetune(student);
    expect(result.metrics.validation?.accuracy).toBeGreaterThan(0.9);
    const records = readMetrics(join(result.run, "metrics.jsonl")).filter(({ soft }) => typeof soft === "number");
    expect(records.at(-1)?.loss).toBeCloseTo(Number(records.at(-1)?.soft), 6);
  });

  test("is refused without weight, and a teacher that reads other tokens is", async () => {
    const recipe = { ...smallFinetuning, alphaSoft: 0 };
    await expect(finetune(optionsOf("a", { teacher: model, recipe }))).rejects.toThrow(
      /^alphaSoft: expected more than 0/,
    );
    await expect(finetune(optionsOf("b", { teacher: model }))).rejects.toThrow(FormatError); // It has no head.
  });
});

describe("what does not fit is refused, in one line,", () => {
  test.each([
    ["sequences longer than the position table", { sequenceLength: 25 }, /^sequenceLength: expected at most 24/],
    [
      "windows that hardly move on",
      { windowStride: 19 },
      /^windowStride: expected well below sequenceLength 24, got 19/,
    ],
  ])("%s", async (_, changes, message) => {
    const options = optionsOf("refused", { data: questionTask, recipe: { ...smallFinetuning, ...changes } });
    await expect(finetune(options)).rejects.toThrow(message);
  });

  test("another number of labels, other labels, and another head than the model's", async () => {
    const tuned = (await finetune(optionsOf("tuned", { recipe: { ...smallFinetuning, epochs: 1 } }))).model;
    const task = topicTask.task as Extract<TaskData["task"], { kind: "classification" }>;
    const labelled = (labels: string[]) => ({ ...topicTask, task: { ...task, labels } }) as TaskData;
    const refused = (data: TaskData, message: RegExp) =>
      expect(finetune(optionsOf("refused", { data, model: tuned }))).rejects.toThrow(message);
    await refused(
      labelled(["a", "b", "c"]),
      /expected a head for 3 labels \(a, b, c\), got one for 2 labels \(low, high\)/,
    );
    await refused(
      labelled(["high", "low"]),
      /expected a head for 2 labels \(high, low\), got one for 2 labels \(low, high\)/,
    );
    await refused(numberTask, /expected a model to give scores, got BertForSequenceClassification/);
    await refused(questionTask, /expected a model to answer questions, got BertForSequenceClassification/);
  });

  test("a validation set whose labels are hidden, and an empty split", async () => {
    const hidden = { ...topicTask, task: { ...topicTask.task, evaluationSplits: ["test"] } } as TaskData;
    await expect(finetune(optionsOf("hidden", { data: hidden }))).rejects.toThrow(
      /^topics: expected labels in the test split/,
    );
    const empty = { ...topicTask, task: { ...topicTask.task, evaluationSplits: ["test_matched"] } } as TaskData;
    await expect(finetune(optionsOf("empty", { data: empty }))).rejects.toThrow(/split is empty/);
  });

  test("other data than the run was begun with", async () => {
    const recipe = { ...smallFinetuning, epochs: 1 };
    await finetune(optionsOf("begun", { recipe }));
    const options = optionsOf("begun", { recipe: { ...recipe, trainExamples: 100 }, resume: true });
    await expect(finetune(options)).rejects.toThrow(ConfigError);
  });
});
