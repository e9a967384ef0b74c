import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { prepare } from "../../../src/data/prepare.js";
import { liveTensors } from "../../../src/engine/tensor/scope.js";
import { LimbeckError } from "../../../src/errors.js";
import { createRun } from "../../../src/runs/run.js";
import type { Tokenizer } from "../../../src/text/tokenizer.js";
import { smallTokenizer } from "../../models/small-tokenizer.js";
import { tripleLoss } from "../distill/recipes.js";
import { type Job, runJob } from "./jobs.js";
import { smallPretraining } from "./recipes.js";
import { smallCorpus, untrainedModel } from "./small-corpus.js";

let folder: string;
let tokenizer: Tokenizer;
let other: Tokenizer;
let data: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-bad-input-"));
  ({ data, tokenizer } = await smallCorpus(folder));
  other = await smallTokenizer(join(folder, "other-tokenizer"));
  await untrainedModel(join(folder, "teacher"), tokenizer);
  await untrainedModel(join(folder, "other-teacher"), other);
});
afterAll(() => rmSync(folder, { recursive: true }));

let out: string;
let before: number;
beforeEach(() => {
  out = join(folder, "run");
  before = liveTensors();
});
afterEach(() => {
  rmSync(out, { recursive: true, force: true });
  expect(liveTensors(), "tensors left behind").toBe(before);
});

function pretraining(changes: Partial<typeof smallPretraining> = {}): Job {
  return { data, recipe: { ...smallPretraining, steps: 2, ...changes }, heldOutSequences: 4 };
}

function distillation(changes: Partial<typeof tripleLoss> = {}, teacher = "teacher"): Job {
  return { data, recipe: { ...tripleLoss, steps: 2, ...changes }, teacher: join(folder, teacher), heldOutSequences: 4 };
}

/** A teacher whose file has been changed. */
function damagedTeacher(damage: (file: (name: string) => string) => void): string {
  rmSync(join(folder, "damaged"), { recursive: true, force: true });
  cpSync(join(folder, "teacher"), join(folder, "damaged"), { recursive: true });
  damage((name) => join(folder, "damaged", name));
  return "damaged";
}

/** Every such error is one line and ends the command with status 2. */
async function expectRefused(job: Job, message: RegExp, options: { resume?: boolean } = {}): Promise<void> {
  const error: unknown = await runJob(job, { out, ...options }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(LimbeckError);
  const { message: text, exitStatus } = error as LimbeckError;
  expect(text).toMatch(message);
  expect(text).not.toContain("\n");
  expect(exitStatus).toBe(2);
}

describe("refused before a run directory is made:", () => {
  afterEach(() => expect(existsSync(out)).toBe(false));

  test("a teacher that is not there", () => expectRefused(distillation({}, "nowhere"), /nowhere: expected a model/));

  test("a teacher whose weights are cut short", () => {
    const teacher = damagedTeacher((file) => {
      truncateSync(file("model.safetensors"), statSync(file("model.safetensors")).size - 100);
    });
    return expectRefused(distillation({}, teacher), /damaged\/model\.safetensors: /);
  });

  test("a teacher whose config.json is of another model", () => {
    const teacher = damagedTeacher((file) => {
      const config = readFileSync(file("config.json"), "utf8");
      writeFileSync(file("config.json"), config.replace('"hidden_size": 16', '"hidden_size": 32'));
    });
    return expectRefused(distillation({}, teacher), /expected \[\d+, 32\] from config\.json, got \[\d+, 16\]/);
  });

  test("a teacher without an MLM head", () => {
    const teacher = fileURLToPath(new URL("../../goldens/models/bert", import.meta.url));
    return expectRefused({ ...distillation(), teacher }, /models\/bert: expected a model with a masked-LM head, got/);
  });

  test("a corpus prepared with another vocabulary than the teacher's", () =>
    expectRefused(
      distillation({}, "other-teacher"),
      /data: prepared with another tokenizer \(\d+ tokens, [0-9a-f]{12}\) than that of .*other-teacher \(57 tokens, .*Prepare the corpus again with --tokenizer .*other-teacher\.$/,
    ));

  test("sequences longer than the teacher's position table", () =>
    expectRefused(
      distillation({ sequenceLength: 25 }),
      /^sequenceLength: expected at most 24 with the 24 positions of .*teacher, got 25\. Lower it\.$/,
    ));

  test("sequences longer than the position table to be trained", () =>
    expectRefused(
      pretraining({ sequenceLength: 25 }),
      /^sequenceLength: expected at most 24 with the 24 positions of maxPositions, got 25\. Lower it\.$/,
    ));

  test("sequences that start too far into the position table", () =>
    expectRefused(
      pretraining({ sequenceLength: 20, positionShift: 5 }),
      /^positionShift: expected at most 4 with the 24 positions of maxPositions, got 5\. Lower it\.$/,
    ));

  test("tiled positions where none were learned, or none are left", async () => {
    await expectRefused(pretraining({ tilePositions: 10 }), /^tilePositions: expected null without initFrom/);
    await expectRefused(
      pretraining({ tilePositions: 24, initFrom: "some/model" }),
      /^tilePositions: expected less than maxPositions = 24, got 24\.$/,
    );
  });

  test("a student deeper than its teacher", () =>
    expectRefused(
      distillation({ studentLayers: 4 }),
      /^studentLayers: expected at most the teacher's 3 layers, got 4/,
    ));

  test("no loss at all", () =>
    expectRefused(
      distillation({ alphaCe: 0, alphaMlm: 0, alphaCos: 0 }),
      /^alphaCe, alphaMlm, alphaCos: expected one of them above 0/,
    ));

  test("heads that do not divide the hidden size", () =>
    expectRefused(pretraining({ heads: 3 }), /hidden size 16 is not a multiple of 3 attention heads/));

  test("a dataset that is not there", () =>
    expectRefused({ ...pretraining(), data: join(folder, "nothing") }, /nothing: no such folder\./));

  test("a dataset with nothing held out", async () => {
    const empty = join(folder, "nothing-held-out");
    await prepare({
      ...{ corpus: [join(folder, "corpus.txt")], tokenizer: join(folder, "tokenizer"), out: empty },
      ...{ heldOut: 0, workers: 0 },
    });
    await expectRefused(
      { ...pretraining(), data: empty },
      /nothing-held-out: the heldout split is empty\. Prepare more/,
    );
  });

  test("a dataset of which the tokenizer knows no word", async () => {
    writeFileSync(join(folder, "unknown.txt"), "中 文\n\n".repeat(400));
    const unknown = join(folder, "unknown");
    await prepare({
      ...{ corpus: [join(folder, "unknown.txt")], tokenizer: join(folder, "tokenizer"), out: unknown },
      ...{ heldOut: 0.5, workers: 0 },
    });
    await expectRefused({ ...pretraining(), data: unknown }, /unknown: every held-out token is \[UNK\]\. Prepare it/);
  });

  test("a dataset whose tokenizer was replaced", async () => {
    const mixed = join(folder, "mixed");
    cpSync(data, mixed, { recursive: true });
    rmSync(join(mixed, "tokenizer"), { recursive: true });
    await other.save(join(mixed, "tokenizer"));
    await expectRefused({ ...pretraining(), data: mixed }, /mixed: its tokenizer is not the one it was prepared with/);
  });

  test("initial weights of a deeper model", () =>
    expectRefused(
      pretraining({ initFrom: join(folder, "teacher") }),
      /^initFrom: expected a model of at most 2 layers, got 3 in .*teacher\. Raise layers\.$/,
    ));

  test("initial weights of a model with another vocabulary", () =>
    expectRefused(
      pretraining({ initFrom: join(folder, "other-teacher"), layers: 3 }),
      /prepared with another tokenizer .* than that of .*other-teacher/,
    ));

  test.each([{ intermediateSize: 48 }, { heads: 4 }, { maxPositions: 32 }])(
    "initial weights of another shape than %o",
    (changes) =>
      expectRefused(
        pretraining({ initFrom: join(folder, "teacher"), layers: 3, ...changes }),
        /^initFrom: expected (\w+) (48|4|32), got (32|2|24) in .*teacher\.$/,
      ),
  );
});

describe("refused with nothing lost:", () => {
  test("an output directory that holds something else", async () => {
    mkdirSync(out);
    writeFileSync(join(out, "thesis.txt"), "mine");
    await expectRefused(pretraining(), /run: expected a new or empty directory, got one with "thesis\.txt"/);
    await expectRefused(pretraining(), /got one with "thesis\.txt"/, { resume: true });
    expect(readdirSync(out)).toEqual(["thesis.txt"]);
  });

  test("a run that is there, without --resume", async () => {
    await runJob(pretraining(), { out });
    const files = readdirSync(out).sort();
    await expectRefused(pretraining(), /expected a new or empty directory, got a run\. Resume it with --resume/);
    expect(readdirSync(out).sort()).toEqual(files);
  });

  test("another recipe for a run that is resumed", async () => {
    await runJob(pretraining(), { out });
    await expectRefused(pretraining({ seed: 4 }), /expected the run's own recipe, in which seed is 3, got 4/, {
      resume: true,
    });
    await expectRefused(distillation(), /in which .* got /, { resume: true });
  });

  test("another teacher for a run that is resumed", async () => {
    await runJob(distillation({ copyHeadTransform: false }), { out });
    await untrainedModel(join(folder, "wider"), tokenizer, { hiddenSize: 32 });
    const wider = distillation({ copyHeadTransform: false }, "wider");
    await expectRefused(
      wider,
      /run: expected the teacher the run was begun with, .*teacher as it was then, got other/,
      {
        resume: true,
      },
    );
    rmSync(join(out, "sources.json"));
    await expectRefused(
      wider,
      /checkpoints\/step-2\/model\.safetensors: embeddings\.word\.weight: expected \[\d+, 32\], got \[\d+, 16\]\. The run was begun with another teacher/,
      { resume: true },
    );
  });

  test("a run whose model folder now holds something else", async () => {
    await runJob(pretraining(), { out });
    writeFileSync(join(out, "model/notes.md"), "mine");
    const modified = statSync(join(out, "metrics.jsonl")).mtimeMs;
    await expectRefused(
      pretraining(),
      /model: expected a new or a model folder to write to, got one with "notes\.md"/,
      {
        resume: true,
      },
    );
    expect(statSync(join(out, "metrics.jsonl")).mtimeMs).toBe(modified);
    expect(readFileSync(join(out, "model/notes.md"), "utf8")).toBe("mine");
    expect(readdirSync(out).filter((name) => name.startsWith(".lock"))).toEqual([]);
  });

  test("two runs in one directory", async () => {
    using _run = createRun(out, smallPretraining);
    await expectRefused(pretraining(), /got a run\./);
    await expectRefused(pretraining(), /expected a directory nobody uses, got one in use by this process/, {
      resume: true,
    });
  });
});
