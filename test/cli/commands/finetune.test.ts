import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SeedsReport } from "../../../src/experiments/seeds.js";
import { limbeck, limbeckJson } from "../limbeck.js";
import { makeWorkshop, type Workshop } from "../workshop.js";

let shop: Workshop;
let train: string;
let validation: string;
beforeAll(async () => {
  shop = await makeWorkshop();
  const folder = shop.newFolder();
  const rows = (count: number) =>
    Array.from({ length: count }, (_, i) => (i % 2 === 0 ? `"the river, walks",water` : "a cold stone sings,stone"));
  const write = (name: string, lines: readonly string[]) => {
    writeFileSync(join(folder, name), `${["text,topic", ...lines].join("\n")}\n`);
    return join(folder, name);
  };
  train = write("train.csv", rows(40));
  validation = write("validation.csv", rows(10));
});
afterAll(() => shop[Symbol.dispose]());

const QUICK = ["sequenceLength=16", "stepSequences=8", "microBatchTokens=128", "epochs=3", "precision=float32"];

function command(...more: string[]): string[] {
  const own = ["--train", train, "--validation", validation, "--text", "text", "--label", "topic"];
  return ["finetune", "--model", shop.teacher, ...own, ...more, "--set", ...QUICK, "peakLearningRate=0.01"];
}

describe("finetune and evaluate", () => {
  test("teach a model somebody's own labels, and say how well", async () => {
    const out = join(shop.newFolder(), "run");
    const { status, stdout, stderr } = await limbeck(command("--out", out));
    expect({ status, stderr }).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/step 15: accuracy 100\.0 %/),
    });
    expect(stdout).toMatch(/^accuracy, validation +1\.0000$/m);
    expect(readFileSync(join(out, "report.html"), "utf8")).toMatch(/limbeck finetune --model .*peakLearningRate=0\.01/);
    const predictions = shop.newFolder();
    const evaluate = ["evaluate", "--model", join(out, "model"), "--validation", validation];
    const columns = ["--text", "text", "--label", "topic", "--predictions", predictions];
    const evaluated = await limbeckJson([...evaluate, ...columns]);
    expect(evaluated).toMatchObject({ results: [{ split: "validation", metrics: { accuracy: 1 }, exampleCount: 10 }] });
    const written = readFileSync(join(predictions, "predictions-validation.tsv"), "utf8").split("\n");
    expect(written.slice(0, 3)).toEqual(["id\tprediction", "0\twater", "1\tstone"]);
  });

  test("take several seeds, and repeat none that is finished", async () => {
    const out = join(shop.newFolder(), "seeds");
    const first = await limbeckJson<{ runs: { run: string }[] }>(command("--out", out, "--seeds", "2"));
    expect(first).toMatchObject({ score: { count: 2, median: 1 }, runs: [{ score: 1 }, { score: 1 }] });
    const read = (path: string) => readFileSync(join(out, path), "utf8");
    const before = read("seed-1/report.json");
    expect(await limbeckJson<object>(command("--out", out, "--seeds", "3", "--resume"))).toMatchObject({
      score: { count: 3 },
    });
    expect(read("seed-1/report.json")).toBe(before);
    const other = await limbeck([...command("--out", out, "--seeds", "3", "--resume", "--quiet"), "clipNorm=2"]);
    expect(other).toMatchObject({ status: 2, stderr: expect.stringMatching(/recipe\.clipNorm is 1, got 2/) });
  });

  test("take several seeds and keep the model of the best, or all", async () => {
    const out = join(shop.newFolder(), "seeds");
    const models = () => ["seed-1", "seed-2"].map((run) => existsSync(join(out, run, "model")));
    const hasPages = (out: string) =>
      ["", "seed-1", "seed-2"].every((run) => existsSync(join(out, run, "report.html")));
    const weights = (folder: string) => readFileSync(join(folder, "model.safetensors"));
    const { best, model } = await limbeckJson<SeedsReport>(command("--out", out, "--seeds", "2"));
    expect({ model, models: models() }).toEqual({ model: join(out, "model"), models: [best === 1, best === 2] });
    expect(weights(model).equals(weights(join(out, `seed-${best}/model`)))).toBe(true);
    const evaluate = ["evaluate", "--model", model, "--validation", validation, "--text", "text", "--label", "topic"];
    expect(await limbeckJson(evaluate)).toMatchObject({ results: [{ metrics: { accuracy: 1 } }] });
    expect(hasPages(out)).toBe(true);
    const all = join(shop.newFolder(), "all");
    await limbeckJson(command("--out", all, "--seeds", "2", "--keep-models"));
    expect(["seed-1/model", "seed-2/model", "model"].map((name) => existsSync(join(all, name)))).toEqual(
      [true, true, true], // biome-ignore format: a row
    );
  });

  test.each<[what: string, more: () => string[], line: RegExp]>([
    ["a folder that holds something else", () => ["--out", shop.data, "--seeds", "2"], /expected a new or empty dir/],
    ["models to keep of one run", () => ["--out", "o", "--keep-models"], /--keep-models: expected --seeds with it/],
  ])("with seeds, %s is refused", async (_, more, line) => {
    const { status, stderr } = await limbeck(command(...more()), { cwd: shop.newFolder() });
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringMatching(line) });
  });
});

test("a run on a published task is resumed without naming it again", async () => {
  const glue = shop.newFolder();
  mkdirSync(join(glue, "SST-2"));
  const rows = (count: number) => Array.from({ length: count }, (_, i) => `the river walks\t${i % 2}`);
  for (const [name, count] of [
    ["train", 20],
    ["dev", 6],
  ] as const) {
    writeFileSync(join(glue, "SST-2", `${name}.tsv`), `${["sentence\tlabel", ...rows(count)].join("\n")}\n`);
  }
  const out = join(shop.newFolder(), "run");
  const named = [
    "finetune",
    "--model",
    shop.teacher,
    "--task",
    "sst2",
    "--data",
    glue,
    "--out",
    out,
    "--set",
    ...QUICK,
  ];
  const first = await limbeckJson<object>(named);
  expect(await limbeckJson<object>(["finetune", "--resume", "--out", out])).toEqual(first);
});

describe("bad input ends in one line and status 2:", () => {
  const refused = async (args: string[], message: RegExp) => {
    const { status, stdout, stderr } = await limbeck([...args, "--quiet"]);
    expect({ status, stdout, stderr }).toEqual({ status: 2, stdout: "", stderr: expect.stringMatching(message) });
    expect(stderr.trimEnd()).not.toContain("\n");
  };
  const out = () => join(shop.newFolder(), "run");

  test("a task nobody knows, with the nearest there is", () =>
    refused(
      ["finetune", "--model", shop.teacher, "--task", "sst-3", "--data", ".", "--out", out()],
      /--task: expected cola, .*got "sst-3"\. Did you mean sst2\?/,
    ));

  test("no task and no texts", () =>
    refused(["finetune", "--model", shop.teacher, "--out", out()], /task: expected one of .* got nothing/));

  test("a task and own texts", () =>
    refused([...command("--out", out()), "--task", "sst2"], /train: expected it without task/));

  test("own texts without a label", () =>
    refused(
      [
        "finetune",
        "--model",
        shop.teacher,
        "--train",
        train,
        "--validation",
        validation,
        "--text",
        "text",
        "--out",
        out(),
      ],
      /label: expected the column of the label, got nothing/,
    ));

  test("a row that cannot be used, named by file and line; which can be skipped", async () => {
    const broken = join(shop.newFolder(), "broken.csv");
    writeFileSync(broken, `${readFileSync(validation, "utf8")}only a text\n`);
    const args = command("--out", out()).map((arg) => (arg === validation ? broken : arg));
    await refused(args, /broken\.csv:12: .*--skip-bad-rows/);
    const folder = out();
    const skipping = args.map((arg, i) => (args[i - 1] === "--out" ? folder : arg));
    expect(await limbeckJson([...skipping, "--skip-bad-rows"])).toMatchObject({ skippedRows: 1 });
  });

  test("a model without a head, to be evaluated", () =>
    refused(["evaluate", "--model", shop.teacher, "--task", "sst2", "--data", shop.newFolder()], /sst2|SST-2/));

  test("a split that is none", async () => {
    const { status, stderr } = await limbeck([
      "evaluate",
      "--model",
      shop.teacher,
      "--validation",
      validation,
      "--text",
      "text",
      "--label",
      "topic",
      "--kind",
      "regression",
      "--split",
      "dev",
    ]);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringMatching(/--split: expected train, validation, .* got dev/),
    });
  });
});
