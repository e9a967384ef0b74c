import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { command, needs } from "../needs.js";
import { limbeck, limbeckJson, type Options } from "./limbeck.js";
import { distillation, makeWorkshop, type Workshop } from "./workshop.js";

let shop: Workshop;
beforeAll(async () => {
  shop = await makeWorkshop();
});
afterAll(() => shop[Symbol.dispose]());

/** Options that do something once, as soon as standard error says that the run is at work. */
function whenAtWork(act: (child: ChildProcess) => void): Options {
  let isDone = false;
  return {
    onStderr: (child, stderr) => {
      if (isDone || !/^step 0: /m.test(stderr)) return;
      isDone = true;
      act(child);
    },
  };
}

const weightsOf = (run: string) => readFileSync(join(run, "model/model.safetensors"));

test("a run tells what it will take, what it reaches, and what came of it", async () => {
  const { args, out } = distillation(shop, 6, "--evaluate-every", "3");
  const { status, stdout, stderr } = await limbeck(args);
  expect(status).toBe(0);
  const steps = [0, 3, 6].map((step) => `step ${step}: held-out masked-token accuracy [\\d.]+ %, loss [\\d.]+\n`);
  expect(stderr).toMatch(
    new RegExp(
      "^teacher: held-out masked-token accuracy [\\d.]+ %, loss [\\d.]+\n[\\d.]+ k parameters to train\n" +
        `6 steps; \\d+ tokens in all\nabout .* s of training, and [\\d.]+ GB of memory\n${steps.join("")}step 6: saved\n$`,
    ),
  );
  expect(stdout).toMatch(new RegExp(`^student +${out}/model$`, "m"));
  expect(stdout).toMatch(/^kept +[\d.]+ % of the teacher's accuracy$/m);
});

test("with --json the result is one document, and with --quiet nothing else is said", async () => {
  const { args, out } = distillation(shop, 2);
  const result = await limbeckJson<Record<string, unknown>>(args); // It throws when standard error is not empty.
  expect(result).toMatchObject({ run: out, model: join(out, "model") });
  const heldOut = { accuracy: expect.any(Number), loss: expect.any(Number) };
  expect(result).toMatchObject({ heldOut, teacherHeldOut: heldOut });
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
  "%s saves, ends with 130, and --resume alone goes on to the same weights",
  async (signal) => {
    const { args, out } = distillation(shop, 60, "--evaluate-every", "1000");
    const { status, stderr, stdout } = await limbeck(
      args,
      whenAtWork((child) => child.kill(signal)),
    );
    expect({ status, stdout }).toEqual({ status: 130, stdout: "" });
    expect(stderr).toMatch(
      /\nlimbeck: interrupted (after step \d+, which is saved|before the first step): .*--resume.*\n$/,
    );
    expect(existsSync(join(out, "model"))).toBe(false);

    const resumed = await limbeck(["distill", "--resume", "--out", out, "-q"]);
    expect(resumed).toMatchObject({ status: 0, stderr: "" });
    expect(weightsOf(out).equals(await uninterrupted())).toBe(true);
  },
);

let whole: Promise<Buffer> | null = null;
/** The weights of the same run, never interrupted. */
function uninterrupted(): Promise<Buffer> {
  const run = async () => {
    const { args, out } = distillation(shop, 60, "--evaluate-every", "1000");
    await limbeckJson(args);
    return weightsOf(out);
  };
  whole ??= run();
  return whole;
}

test("a run that is done says so, and writes the same model again", async () => {
  const { args, out } = distillation(shop, 2);
  await limbeckJson(args);
  const before = weightsOf(out);
  const { status, stderr } = await limbeck(["distill", "--resume", "--out", out]);
  expect(status).toBe(0);
  expect(stderr).toContain("all 2 steps are done already");
  expect(weightsOf(out).equals(before)).toBe(true);
});

test.each<[string, string[], RegExp]>([
  ["another recipe", ["--set", "seed=9"], /seed is 56, got 9/],
  ["another command", [], /expected a recipe to pretrain, got one to distill. Use "limbeck distill"/],
])("a run is not resumed with %s", async (what, more, message) => {
  const { args, out } = distillation(shop, 2);
  await limbeckJson(args);
  const command = what === "another command" ? "pretrain" : "distill";
  const { status, stderr } = await limbeck([command, "--resume", "--out", out, "-q", ...more]);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^limbeck: .+\n$/);
  expect(stderr).toMatch(message);
});

test("a second run in the same directory is refused while the first goes on", async () => {
  const { args, out } = distillation(shop, 100_000);
  let second: ReturnType<typeof limbeck> | null = null;
  const first = limbeck(
    args,
    whenAtWork((child) => {
      second = limbeck(["distill", "--resume", "--out", out, "-q"]).finally(() => child.kill("SIGINT"));
    }),
  );
  expect(await first).toMatchObject({ status: 130 });
  const { status, stderr } = await (second as unknown as ReturnType<typeof limbeck>);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^limbeck: .*expected a directory nobody uses, got one in use by process \d+.*\n$/);
});

test("a disk that is full in the middle of a checkpoint ends the run in one line, and the run goes on later", async () => {
  const { args, out } = distillation(shop, 4, "--save-every", "2", "-q");
  const wrap = (command: string[]) => ["bash", "-c", 'ulimit -f 20; exec "$@"', "bash", ...command];
  const { status, stderr } = await limbeck(args, { wrap });
  expect(stderr).toMatch(/^limbeck: .*step-2: no space left.*resume\.\n$/);
  expect(status).toBe(2);
  expect(readdirSync(join(out, "checkpoints"))).toEqual([]);
  expect(await limbeck(["distill", "--resume", "--out", out, "-q"])).toMatchObject({ status: 0, stderr: "" });
});

test("prepare that is interrupted ends with 130, and goes on to the same dataset", async () => {
  const out = join(shop.newFolder(), "data");
  const args = ["prepare", "-", "--tokenizer", shop.tokenizer, "--out", out, "--held-out", "0.1", "-q"];
  const input = readFileSync(shop.corpus, "utf8");
  const onStart = (child: ChildProcess): void => {
    if (existsSync(join(out, "progress.json"))) child.kill("SIGINT");
    else if (child.exitCode === null) setTimeout(onStart, 20, child);
  };
  const { status, stderr } = await limbeck(args, { input, staysOpen: true, onStart });
  expect(stderr).toBe("limbeck: interrupted: what is finished is saved; give the same command again to go on\n");
  expect(status).toBe(130);
  expect(await limbeck(args, { input })).toMatchObject({ status: 0, stderr: "" });
  expect(splitsOf(out)).toEqual(splitsOf(shop.data));
});

const splitsOf = (data: string) => JSON.parse(readFileSync(join(data, "dataset.json"), "utf8")).splits;

test("a corpus on standard input gives the dataset its file gives", async () => {
  const out = join(shop.newFolder(), "data");
  const args = ["prepare", "-", "--tokenizer", shop.tokenizer, "--out", out, "--held-out", "0.1"];
  const manifest = await limbeckJson<{ splits: object }>(args, { input: readFileSync(shop.corpus, "utf8") });
  expect(manifest.splits).toEqual(splitsOf(shop.data));
});

const ESCAPE = "\u001b";
const terminal = needs(command("script makes no terminal", "script", "-qec", "true", "/dev/null"));
test("on a terminal one line moves, and nothing is left of it", terminal, async () => {
  const { args } = distillation(shop, 600, "--evaluate-every", "600"); // Long enough for a line that moves four times a second.
  const quoted = (command: string[]) => command.map((word) => `'${word}'`).join(" ");
  const wrap = (command: string[]) => ["script", "-qec", `stty cols 80; ${quoted(command)}`, "/dev/null"];
  const { status, stdout } = await limbeck(args, { wrap }); // A terminal shows both streams.
  expect(status).toBe(0);
  expect(stdout).toMatch(/\d %.* {2}step \d+\/600 {2}ce [\d.]+ {2}mlm [\d.]+ {2}cos [\d.]+.* {2}ETA \d:\d\d/);
  const [first = "", ...sequences] = stdout.split(ESCAPE);
  const written = sequences.map((text) => text.replace(/^(\[[\d;?]*[A-Za-z]|[78])/, ""));
  const lines = [first, ...written].flatMap((text) => text.split(/[\r\n]+/));
  expect(lines.filter((line) => line.length >= 80 && !line.startsWith("student "))).toEqual([]); // A path is as long as it is.
  expect(stdout).not.toContain(`${ESCAPE}[?7l`); // A killed process could not take that back.
});
