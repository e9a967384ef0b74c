import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AblateReport } from "../../../src/experiments/ablate.js";
import type { GlueReport } from "../../../src/experiments/glue.js";
import { limbeck, limbeckJson } from "../limbeck.js";
import { makeWorkshop, TINY, type Workshop } from "../workshop.js";

let shop: Workshop;
let glue: string;
beforeAll(async () => {
  shop = await makeWorkshop();
  glue = madeUpGlue(shop.newFolder());
});
afterAll(() => shop[Symbol.dispose]());

/** CoLA and RTE of a few rows each, CoLA with a test set. */
function madeUpGlue(folder: string): string {
  const words = ["the river walks", "a cold stone sings", "old house falls", "the light runs over", "with new tree"];
  const rows = (count: number) => Array.from({ length: count }, (_, i) => [words[i % 5], i % 2] as const);
  const write = (path: string, lines: readonly string[]) => {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), `${lines.join("\n")}\n`);
  };
  const cola = rows(24).map(([text, label]) => `src\t${label}\t\t${text}`);
  const entails = (label: number) => (label === 1 ? "not_entailment" : "entailment");
  const rte = rows(24).map(([text, label], i) => `${i}\t${text}\t${text}\t${entails(label)}`);
  const header = "index\tsentence1\tsentence2\tlabel";
  write("CoLA/train.tsv", cola);
  write("CoLA/dev.tsv", cola.slice(0, 9));
  write("CoLA/test.tsv", ["index\tsentence", ...rows(6).map(([text], i) => `${i}\t${text}`)]);
  write("RTE/train.tsv", [header, ...rte]);
  write("RTE/dev.tsv", [header, ...rte.slice(0, 9)]);
  return folder;
}

const QUICK = ["sequenceLength=16", "stepSequences=8", "microBatchTokens=128", "steps=4", "precision=float32"];

describe("glue", () => {
  const command = (...more: string[]) => [
    ...["glue", "--model", shop.teacher, "--data", glue, "--seeds", "2", "--log-every", "1", ...more],
    ...["--set", ...QUICK, "rte.steps=3"],
  ];

  test("fine-tunes, reports, answers the test sets, and repeats nothing when it is resumed", async () => {
    const out = join(shop.newFolder(), "report");
    const { status, stdout, stderr } = await limbeck(command("--out", out, "--compare", shop.teacher, "--test"));
    expect({ status, stderr: stderr.match(/^\S+ CoLA seed 1: .*\)$/m)?.length }).toEqual({ status: 0, stderr: 1 });
    expect(stderr).toMatch(/^timing .*model and .*model on 200 pairs$/m);
    expect(stdout).toMatch(/^ +Score +CoLA +MNLI +MRPC .* WNLI$/m);
    expect(stdout).toMatch(/^kept, %/m);
    expect(stdout).toContain("No data was found for MNLI (no folder), MRPC (no folder)");
    expect(stderr).toMatch(/submission\.zip: written; the server will miss SST-2\.tsv/);
    const page = readFileSync(join(out, "report.html"), "utf8");
    for (const part of ["Score by task", "Quality against latency", "<polyline"]) expect(page).toContain(part);
    const recipe = (task: string) =>
      JSON.parse(readFileSync(join(out, "teacher", task, "seed-1", "recipe.json"), "utf8"));
    expect([recipe("cola").steps, recipe("rte").steps]).toEqual([4, 3]);
    const report = (path: string): unknown => JSON.parse(readFileSync(join(out, path, "report.json"), "utf8"));
    const before = report("teacher/cola/seed-1");
    const submission = readFileSync(join(out, "submission.zip"));
    rmSync(join(out, "submission.zip"));
    const again = await limbeckJson<GlueReport>(command("--out", out, "--compare", shop.teacher, "--resume", "--test"));
    expect(report("teacher/cola/seed-1")).toEqual(before);
    expect(readFileSync(join(out, "submission.zip")).equals(submission)).toBe(true); // By the models that were kept.
    expect(again).toMatchObject({
      seeds: [1, 2],
      provenance: { command: expect.stringMatching(/^limbeck glue --model/) },
    });
    expect(again.student.tasks.map(({ task, runs }) => [task, runs.length])).toEqual([
      ["cola", 2],
      ["rte", 2],
    ]);
  });

  test.each<[what: string, more: () => string[], line: RegExp]>([
    ["an unknown task", () => ["--tasks", "sst3", "--out", "o"], /--tasks: .*got "sst3"\. Did you mean sst2\?/],
    ["tasks of which there is no data", () => ["--tasks", "qnli", "--out", "o"], /--data: .*QNLI \(no folder\)/],
    ["test sets that are not there", () => ["--tasks", "rte", "--test", "--out", "o"], /--test: expected a test\.tsv/],
    ["a folder that holds something else", () => ["--out", shop.data], /expected a new or empty directory/],
  ])("%s is one line, and status 2", async (_, more, line) => {
    const { status, stdout, stderr } = await limbeck(command(...more()), { cwd: shop.newFolder() });
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^limbeck: .+\n$/);
    expect(stderr).toMatch(line);
  });
});

describe("ablate", () => {
  test("distils five students, fine-tunes each, and goes on where it was interrupted", async () => {
    const out = join(shop.newFolder(), "ablation");
    const args = [
      ...["ablate", "--teacher", shop.teacher, "--data", shop.data, "--glue", glue, "--out", out, "--tasks", "rte"],
      ...["--seeds", "2", "--evaluate-every", "2", "--held-out-sequences", "4"],
      ...["--set", ...TINY, "studentLayers=1", "steps=4", "--set-finetune", ...QUICK],
    ];
    const stopped = await limbeck(args, {
      onStderr: (child, text) => {
        if (text.includes("without L_cos: distillation: ") && !child.killed) child.kill("SIGINT"); // A second ends it at once.
      },
    });
    expect(stopped.status).toBe(130);
    expect(stopped.stderr).toMatch(/^full triple loss: distillation: held-out accuracy [\d.]+ % \(.+ s\)$/m);
    expect(stopped.stderr).toMatch(/^limbeck: interrupted at "without L_cos: .*", after \d+ of 15 runs: .*--resume$/m);
    const { status, stdout, stderr } = await limbeck([...args, "--resume"]);
    expect(status).toBe(0);
    expect(stderr.match(/\(done before\)$/gm)?.length).toBeGreaterThanOrEqual(3 + 3 + 1); // Two whole students, and a distillation.
    expect(stderr).toMatch(/^full triple loss: distillation: distilled \(done before\)$/m);
    expect(stdout).toMatch(/^random initialisation +\d+\.\d\d ±\d+\.\d\d +[+−]?\d/m);
    const report: AblateReport = JSON.parse(readFileSync(join(out, "report.json"), "utf8"));
    expect(report.variants.map(({ name, students }) => [name, students[0]?.macros.length])).toEqual(
      ["full", "no-ce", "no-cos", "no-mlm", "random-start"].map((name) => [name, 2]),
    );
    expect(readFileSync(join(out, "report.html"), "utf8").match(/<polyline/g)).toHaveLength(10);
  });

  test("scores IMDb and SQuAD too, each by its own recipe, over several distillations", async () => {
    const out = join(shop.newFolder(), "ablation");
    const report = await limbeckJson<AblateReport>([
      ...["ablate", "--teacher", shop.teacher, "--data", shop.data, "--out", out, "--held-out-sequences", "4"],
      ...["--imdb", madeUpImdb(shop.newFolder()), "--squad", madeUpSquad(shop.newFolder())],
      ...["--distill-seeds", "2", "--seeds", "1", "--set", ...TINY, "studentLayers=1", "steps=2"],
      ...["--set-finetune", ...QUICK, "squad.windowStride=2", "squad.steps=3", "imdb.epochs=1"],
    ]);
    expect(report).toMatchObject({ distillSeeds: [56, 57], seeds: [1], pairedBy: "distillation seed" });
    expect(report.tasks.map(({ name, missing }) => [name, missing])).toEqual([["imdb", null], ["squad", null]]); // biome-ignore format: rows
    expect(report.variants.map(({ tasks }) => Object.entries(tasks).map(([name, { count }]) => [name, count]))).toEqual(
      Array(5).fill([
        ["imdb", 2],
        ["squad", 2],
      ]),
    );
    const runOf = (task: string): unknown =>
      JSON.parse(readFileSync(join(out, "no-mlm/distill-57", task, "seed-1/report.json"), "utf8"));
    expect(runOf("imdb")).toMatchObject({ recipe: { epochs: 1, steps: null, windowStride: 128 } });
    expect(runOf("squad")).toMatchObject({ step: 3, recipe: { windowStride: 2 }, metrics: { validation: {} } });
  });
});

/** Reviews of a few words. */
function madeUpImdb(folder: string): string {
  const rows = (count: number) =>
    Array.from({ length: count }, (_, i) => `${i}\t${i % 2}\t5\tthe river walks with ${i % 2 ? "light" : "cold"}\n`);
  writeFileSync(join(folder, "train.tsv"), rows(24).join(""));
  writeFileSync(join(folder, "test.tsv"), rows(8).join(""));
  return folder;
}

/** A question asked again and again. */
function madeUpSquad(folder: string): string {
  const context = "the old house falls under a cold stone";
  const answers = [{ text: "a cold stone", answer_start: context.indexOf("a cold") }];
  const file = (count: number) => {
    const qas = Array.from({ length: count }, (_, i) => ({ id: `q${i}`, question: "the house falls under", answers }));
    return JSON.stringify({ version: "1.1", data: [{ title: "t", paragraphs: [{ context, qas }] }] });
  };
  writeFileSync(join(folder, "train-v1.1.json"), file(12));
  writeFileSync(join(folder, "dev-v1.1.json"), file(4));
  return folder;
}
