import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ConfigError, FormatError } from "../../src/errors.js";
import type { CheckpointContent } from "../../src/runs/checkpoints.js";
import {
  createRun,
  discardCheckpoints,
  hasCheckpoint,
  openRun,
  type Run,
  type RunOptions,
} from "../../src/runs/run.js";
import { newProcessName } from "../../src/storage/processes.js";
import { filled } from "../hub/example-model.js";
import { needs, proc } from "../needs.js";
import { temporaryFolder } from "../storage/temporary-folder.js";

const RECIPE = { name: "nano", optimizer: { learningRate: 5e-4, betas: [0.9, 0.98] } };

function contentOf(step: number): CheckpointContent {
  return { model: [["w", filled([3], step)]], optimizer: [["m", filled([3], -step)]], state: { step, loss: 1 / 3 } };
}

/** A run with checkpoints of these steps, still open. */
function runWith(steps: readonly number[], options: RunOptions = {}): Run {
  const run = createRun(join(temporaryFolder(), "run"), RECIPE, { keepCheckpoints: 10, ...options });
  onTestFinished(() => run.close());
  for (const step of steps) run.saveCheckpoint(step, contentOf(step));
  return run;
}

function latestStep(run: Run): number | undefined {
  using latest = run.latestCheckpoint();
  return latest?.step;
}

test("a new run has its recipe and no checkpoint", () => {
  const run = runWith([]);
  expect(JSON.parse(readFileSync(join(run.directory, "recipe.json"), "utf8"))).toEqual(RECIPE);
  expect(run.latestCheckpoint()).toBeNull();
  expect(run.checkpointSteps).toEqual([]);
});

test("a run below /proc is refused, by whatever name", needs(proc), () => {
  const alias = join(temporaryFolder(), "alias");
  symlinkSync("/proc", alias);
  for (const place of ["/proc/limbeck/run", join(alias, "limbeck/run")]) {
    expect(() => createRun(place, RECIPE)).toThrow(/limbeck\/run: expected a place where .* got one below \/proc/);
  }
});

test("a checkpoint comes back as it was saved", () => {
  const run = runWith([7]);
  using latest = run.latestCheckpoint();
  expect(latest).toMatchObject({
    step: 7,
    state: { step: 7, loss: 1 / 3 },
    path: join(run.directory, "checkpoints/step-7"),
  });
  expect([...new Float32Array(latest?.model.read("w").buffer ?? new ArrayBuffer())]).toEqual([7, 7, 7]);
  expect([...new Float32Array(latest?.optimizer.read("m").buffer ?? new ArrayBuffer())]).toEqual([-7, -7, -7]);
  expect(readdirSync(latest?.path ?? "").sort()).toEqual(["model.safetensors", "optimizer.safetensors", "state.json"]);
  // Another number refuses every checkpoint that was saved before.
  expect(JSON.parse(readFileSync(join(latest?.path ?? "", "state.json"), "utf8")).format).toBe(2);
});

test("the newest checkpoint is the one of the largest step, not of the largest name", () => {
  expect(latestStep(runWith([9, 10, 8]))).toBe(10);
});

test("keeps the newest checkpoints, as many as asked", () => {
  expect(runWith([1, 2, 3, 4, 5], { keepCheckpoints: 2 }).checkpointSteps).toEqual([5, 4]);
});

test("never removes the checkpoint just saved, even when damaged ones of later steps are there", () => {
  const run = runWith([30], { keepCheckpoints: 1 });
  run.saveCheckpoint(20, contentOf(20));
  expect(run.checkpointSteps).toEqual([30, 20]);
});

test("a run whose checkpoints were discarded has none, and may be discarded again", () => {
  const run = runWith([1]);
  expect(hasCheckpoint(run.directory)).toBe(true);
  for (let time = 0; time < 2; time++) {
    discardCheckpoints(run.directory);
    expect([run.checkpointSteps, hasCheckpoint(run.directory)]).toEqual([[], false]);
    expect(run.latestCheckpoint()).toBeNull();
  }
});

test("refuses to keep none", () => {
  expect(() => createRun(join(temporaryFolder(), "run"), RECIPE, { keepCheckpoints: 0 })).toThrow("at least 1, got 0");
});

test("a step saved again replaces the old", () => {
  const run = runWith([1]);
  run.saveCheckpoint(1, { ...contentOf(1), state: { again: true } });
  using latest = run.latestCheckpoint();
  expect(latest?.state).toEqual({ again: true });
  expect(readdirSync(join(run.directory, "checkpoints"))).toEqual(["step-1"]);
});

test("keeps the best weights from checkpoint to checkpoint, whichever goes", () => {
  const run = runWith([], { keepCheckpoints: 1 });
  const bests = (["own", "earlier", "own", "earlier", null] as const).map((best, i) => {
    run.saveCheckpoint(i + 1, { ...contentOf(i + 1), best });
    using again = run.latestCheckpoint();
    return again?.best && new Float32Array(again.best.read("w").buffer)[0];
  });
  expect(bests).toEqual([1, 1, 3, 3, null]);
});

test("a step saved again keeps the best weights that it had", () => {
  const run = runWith([]);
  run.saveCheckpoint(1, { ...contentOf(1), best: "own" });
  run.saveCheckpoint(2, { ...contentOf(2), best: "earlier" });
  run.saveCheckpoint(2, { ...contentOf(2), best: "earlier" });
  using latest = run.latestCheckpoint();
  expect(new Float32Array(latest?.best?.read("w").buffer ?? new ArrayBuffer())[0]).toBe(1);
});

test("after a damaged checkpoint, goes on with the best weights of the one before", () => {
  const run = runWith([], { onWarning: () => {} });
  run.saveCheckpoint(1, { ...contentOf(1), best: "own" });
  run.saveCheckpoint(2, { ...contentOf(2), best: "own" });
  turnLastBit(join(run.directory, "checkpoints/step-2/best.safetensors"));
  expect(latestStep(run)).toBe(1);
  run.saveCheckpoint(3, { ...contentOf(3), best: "earlier" });
  using latest = run.latestCheckpoint();
  expect(new Float32Array(latest?.best?.read("w").buffer ?? new ArrayBuffer())[0]).toBe(1);
});

test("a checkpoint is bound to the recipe by its hash", () => {
  const run = runWith([4]);
  run.close();
  const recipe = join(run.directory, "recipe.json");
  const { recipeSha256 } = JSON.parse(readFileSync(join(run.directory, "checkpoints/step-4/state.json"), "utf8"));
  expect(recipeSha256).toBe(createHash("sha256").update(readFileSync(recipe)).digest("hex"));
  edit(recipe, "0.98", "0.99");
  using changed = openRun(run.directory);
  expect(() => changed.latestCheckpoint()).toThrow(ConfigError);
  expect(() => changed.latestCheckpoint()).toThrow(
    `${recipe}: expected the recipe that step-4 was trained with, got another: it was changed since. Put it back, or start a new run with it.`,
  );
});

test("a checkpoint of a later format is refused as such", () => {
  const run = runWith([1]);
  const path = join(run.directory, "checkpoints/step-1/state.json");
  edit(path, '"format": 2', '"format": 3');
  expect(() => run.latestCheckpoint()).toThrow(/expected a checkpoint of this version of Limbeck, got one of another/);
});

test("a checkpoint of the first format is refused, in one line that says what to do", () => {
  const run = runWith([1, 2]);
  for (const step of [1, 2]) {
    const path = join(run.directory, `checkpoints/step-${step}/state.json`);
    const { files } = JSON.parse(readFileSync(path, "utf8"));
    // As the loop saved it then.
    const state = { step, tokens: 77, elapsedMs: 1234.5 };
    const stateSha256 = createHash("sha256")
      .update(`${JSON.stringify(state, null, 2)}\n`)
      .digest("hex");
    writeFileSync(path, `${JSON.stringify({ step, state, stateSha256, files }, null, 2)}\n`);
  }
  expect(() => run.latestCheckpoint()).toThrow(ConfigError);
  expect(() => run.latestCheckpoint()).toThrow(
    /step-2\/state\.json: expected a checkpoint of this version of Limbeck, got one of another\. Resume with the version that saved it, or start a new run\.$/,
  );
});

test.each<[string, (checkpoint: string) => void, string]>([
  ["a model cut short", (c) => truncateSync(`${c}/model.safetensors`, 90), "model.safetensors: expected"],
  [
    "a model missing",
    (c) => rmSync(`${c}/model.safetensors`),
    "model.safetensors: expected a checkpoint's file, got nothing",
  ],
  [
    "an optimizer with one bit turned",
    (c) => turnLastBit(`${c}/optimizer.safetensors`),
    "optimizer.safetensors: expected the bytes",
  ],
  ["a state missing", (c) => rmSync(`${c}/state.json`), "state.json: expected a checkpoint's state.json, got nothing"],
  [
    "a state torn",
    (c) => truncateSync(`${c}/state.json`, 30),
    "state.json: expected a checkpoint's state.json, got text",
  ],
  [
    "a state of another value",
    (c) => edit(`${c}/state.json`, '"loss": 0.33', '"loss": 0.34'),
    "expected the state its SHA-256",
  ],
  ["a state of another step", (c) => edit(`${c}/state.json`, '"step": 2', '"step": 3'), "expected step 2, got 3"],
  ["a state without digests", (c) => writeFileSync(`${c}/state.json`, '{"step":2}'), "state.json: "],
  ["nothing in it", (c) => readdirSync(c).forEach((name) => void rmSync(join(c, name))), "state.json: expected"],
])("passes over a checkpoint with %s, saying so", (_, damage, words) => {
  const warnings: string[] = [];
  const run = runWith([1, 2], { onWarning: (line) => warnings.push(line) });
  damage(join(run.directory, "checkpoints/step-2"));
  expect(latestStep(run)).toBe(1);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(words);
  expect(warnings[0]).toContain("Going on from step-1, the one before.");
});

test("does not start from nothing when every checkpoint is damaged", () => {
  const run = runWith([1, 2]);
  for (const step of [1, 2]) truncateSync(join(run.directory, `checkpoints/step-${step}/model.safetensors`), 10);
  expect(() => run.latestCheckpoint()).toThrow(FormatError);
  expect(() => run.latestCheckpoint()).toThrow(
    /got only damaged ones; the newest: .*step-2.* Start again in a new directory\./,
  );
});

test("a damaged checkpoint is replaced when the run comes by again", () => {
  const run = runWith([1, 2], { onWarning: () => {} });
  truncateSync(join(run.directory, "checkpoints/step-2/model.safetensors"), 10);
  run.saveCheckpoint(2, contentOf(2));
  expect(latestStep(run)).toBe(2);
});

test("opening tidies up what a killed process left, and brings back a checkpoint that had stepped aside", () => {
  const run = runWith([1, 2]);
  const checkpoints = join(run.directory, "checkpoints");
  mkdirSync(join(checkpoints, `.step-3.tmp-${newProcessName()}`));
  renameSync(join(checkpoints, "step-2"), join(checkpoints, `.step-2.old-${newProcessName()}`));
  run.close();
  using again = openRun(run.directory);
  expect(readdirSync(checkpoints).sort()).toEqual(["step-1", "step-2"]);
  expect(latestStep(again)).toBe(2);
});

test("a state that JSON cannot hold is refused, and nothing is left of it", () => {
  const run = runWith([1]);
  expect(() => run.saveCheckpoint(2, { ...contentOf(2), state: { loss: Number.NaN } })).toThrow('"loss" is NaN');
  expect(readdirSync(join(run.directory, "checkpoints"))).toEqual(["step-1"]);
});

test("makes no run in a directory that holds anything, is a run, or is a file", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "notes.txt"), "");
  expect(() => createRun(folder, RECIPE)).toThrow('expected a new or empty directory, got one with "notes.txt"');
  expect(() => createRun(join(folder, "notes.txt"), RECIPE)).toThrow("expected a new or empty folder, got a file");
  expect(readdirSync(folder)).toEqual(["notes.txt"]);
  const run = runWith([1]);
  run.close();
  expect(() => createRun(run.directory, RECIPE)).toThrow("got a run. Resume it with --resume, or give another path.");
  expect(latestStep(run)).toBe(1);
});

test("makes a run where a process was killed before its recipe was written", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, ".lock.4194305.1.abc.00.somewhere-else"), "");
  renameSync(
    join(folder, ".lock.4194305.1.abc.00.somewhere-else"),
    join(folder, ".recipe.json.tmp-4194305.1.abc.00.somewhere-else"),
  );
  using run = createRun(folder, RECIPE);
  expect(run.recipe).toEqual(RECIPE);
});

test.each([
  ["another value", { ...RECIPE, name: "base" }, 'in which name is "nano", got "base"'],
  [
    "another value inside",
    { ...RECIPE, optimizer: { learningRate: 1, betas: [0.9, 0.98] } },
    "optimizer.learningRate is 0.0005, got 1",
  ],
  [
    "another element",
    { ...RECIPE, optimizer: { learningRate: 5e-4, betas: [0.9, 0.9] } },
    "optimizer.betas.1 is 0.98, got 0.9",
  ],
  ["a key more", { ...RECIPE, seed: 1 }, "seed is undefined, got 1"],
  ["a key less", { name: "nano" }, "optimizer is {"],
])("resumes with no recipe that has %s", (_, recipe, words) => {
  const run = runWith([1]);
  run.close();
  expect(() => openRun(run.directory, recipe)).toThrow(ConfigError);
  expect(() => openRun(run.directory, recipe)).toThrow(words);
  using same = openRun(run.directory, structuredClone(RECIPE));
  expect(same.recipe).toEqual(RECIPE);
});

test("opens no directory that is not a run", () => {
  const folder = temporaryFolder();
  expect(() => openRun(folder)).toThrow("expected a run directory, got one without recipe.json");
  expect(() => openRun(join(folder, "not"))).toThrow("expected a run directory, got nothing there");
  expect(existsSync(join(folder, "not"))).toBe(false);
});

test("a run that is open is refused to a second, and free when it is closed", () => {
  const run = runWith([1]);
  expect(() => openRun(run.directory)).toThrow("in use by this process");
  run.close();
  openRun(run.directory).close();
  expect(readdirSync(run.directory).sort()).toEqual(["checkpoints", "recipe.json"]);
});

function edit(path: string, from: string, to: string): void {
  const text = readFileSync(path, "utf8");
  expect(text).toContain(from);
  writeFileSync(path, text.replace(from, to));
}

function turnLastBit(path: string): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.byteLength - 1);
  writeFileSync(path, bytes);
}
