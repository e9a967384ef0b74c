import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { prepare } from "../../src/data/prepare.js";
import { writeModelFolder } from "../../src/hub/folder.js";
import type { CheckpointContent } from "../../src/runs/checkpoints.js";
import { createRun, openRun } from "../../src/runs/run.js";
import { replaceFile, replaceText } from "../../src/storage/atomic-files.js";
import { newProcessName } from "../../src/storage/processes.js";
import { madeUpDocuments, tokenizerFolder } from "../data/made-up-text.js";
import { exampleConfig, exampleParameters, filled } from "../hub/example-model.js";
import { temporaryFolder } from "./temporary-folder.js";

// What a power cut may take is whatever no fsync has asked for: the bytes of a file, and the names in a folder. So the
// calls to node:fs are written down, and read for what would be lost.

interface Call {
  readonly what: "create" | "write" | "sync" | "rename" | "remove" | "make";
  readonly path: string;
  /** Of a rename. */
  readonly to?: string;
}

const recorder = vi.hoisted(() => ({
  calls: [] as unknown[],
  paths: new Map<number, string>(),
  /** The next rename to a path that ends so fails. */
  refused: "",
}));
const calls = recorder.calls as Call[];

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  const { paths } = recorder;
  const note = (call: Call) => void recorder.calls.push(call);
  const pathOf = (file: unknown) => (typeof file === "number" ? (paths.get(file) ?? "?") : String(file));
  const recorded = {
    openSync: (path: string, flags?: string, mode?: number) => {
      const isNew = !fs.existsSync(path);
      const fd = fs.openSync(path, flags ?? "r", mode);
      paths.set(fd, String(path));
      if (isNew) note({ what: "create", path: String(path) });
      return fd;
    },
    writeSync: (...args: Parameters<typeof fs.writeSync>) => {
      note({ what: "write", path: pathOf(args[0]) });
      return fs.writeSync(...args);
    },
    writeFileSync: (...args: Parameters<typeof fs.writeFileSync>) => {
      if (typeof args[0] !== "number" && !fs.existsSync(args[0])) note({ what: "create", path: pathOf(args[0]) });
      note({ what: "write", path: pathOf(args[0]) });
      fs.writeFileSync(...args);
    },
    fsyncSync: (fd: number) => {
      note({ what: "sync", path: pathOf(fd) });
      fs.fsyncSync(fd);
    },
    renameSync: (path: string, to: string) => {
      if (recorder.refused !== "" && to.endsWith(recorder.refused)) {
        recorder.refused = "";
        throw new Error("refused");
      }
      note({ what: "rename", path, to });
      fs.renameSync(path, to);
    },
    rmSync: (path: string, options?: object) => {
      if (fs.existsSync(path)) note({ what: "remove", path });
      fs.rmSync(path, options);
    },
    unlinkSync: (path: string) => {
      note({ what: "remove", path });
      fs.unlinkSync(path);
    },
    mkdirSync: (path: string, options?: object) => {
      if (!fs.existsSync(path)) note({ what: "make", path });
      return fs.mkdirSync(path, options);
    },
  };
  return { ...fs, ...recorded, default: { ...fs, ...recorded } };
});

beforeEach(() => {
  calls.length = 0;
  recorder.refused = "";
});

const isWithin = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);
const isAside = (path: string) => basename(path).startsWith(".");

/**
 * Goes through the calls, and gives what could be lost: content or names that were not yet on the disk when the rename
 * came that puts them in place, and renames that are not yet on the disk in the end.
 */
function losses(): string[] {
  const lost: string[] = [];
  /** Files whose bytes, and folders whose names, are not on the disk. */
  const unsynced = new Set<string>();
  const renamed = new Set<string>();
  for (const { what, path, to = "" } of calls) {
    if (what === "write") unsynced.add(path);
    if (what === "create" || what === "make") unsynced.add(dirname(path));
    if (what === "sync") {
      unsynced.delete(path);
      renamed.delete(path);
    }
    if (what === "remove") for (const each of unsynced) if (isWithin(each, path)) unsynced.delete(each);
    if (what === "rename") {
      for (const each of unsynced) if (isWithin(each, path)) lost.push(`${each} was not synced before its rename`);
      renamed.add(dirname(to));
    }
  }
  return [...lost, ...[...renamed].map((folder) => `the rename in ${folder} was not synced`)];
}

/** What was put in place by a rename, in order. */
const putInPlace = () =>
  calls.flatMap(({ what, to = "" }) => (what === "rename" && !isAside(to) ? [basename(to)] : []));
const indexOf = (isIt: (call: Call) => boolean) => calls.findIndex(isIt);

test("the recorder sees a write that is renamed without a sync, and a rename that is not synced", () => {
  const folder = temporaryFolder();
  calls.push(
    { what: "create", path: join(folder, ".a") },
    { what: "write", path: join(folder, ".a") },
    { what: "rename", path: join(folder, ".a"), to: join(folder, "a") },
  );
  expect(losses()).toEqual([
    `${join(folder, ".a")} was not synced before its rename`,
    `the rename in ${folder} was not synced`,
  ]);
});

test("a file is replaced by one whose bytes are on the disk, and so is its new name", () => {
  const folder = temporaryFolder();
  for (const write of [
    (path: string) => replaceText(path, "new"),
    (path: string) => replaceFile(path, [Buffer.from("new"), Buffer.from("er")]),
  ]) {
    writeFileSync(join(folder, "a.json"), "old");
    calls.length = 0;
    write(join(folder, "a.json"));
    expect(losses()).toEqual([]);
    expect(putInPlace()).toEqual(["a.json"]);
    expect(calls.filter(({ what, path }) => what === "write" && !isAside(path))).toEqual([]); // Never over the old one.
  }
});

const RECIPE = { name: "nano" };
const contentOf = (step: number): CheckpointContent => ({
  ...{ model: [["w", filled([3], step)]], optimizer: [["m", filled([3], -step)]], state: { step } },
});

test("a new run's recipe is on the disk before the run goes on", () => {
  const folder = join(temporaryFolder(), "run");
  createRun(folder, RECIPE).close();
  expect(losses()).toEqual([]);
  expect(putInPlace()).toEqual(["recipe.json"]);
  // The folder's own name, too: it stands in the folder above.
  expect(indexOf(({ what, path }) => what === "sync" && path === dirname(folder))).toBeGreaterThan(
    indexOf(({ what, path }) => what === "make" && path === folder),
  );
});

test("a checkpoint is put in place when all of it is on the disk, and the metrics up to it", () => {
  using run = createRun(join(temporaryFolder(), "run"), RECIPE);
  const metrics = run.openMetrics(0);
  metrics.append({ step: 1, loss: 1 });
  calls.length = 0;
  run.saveCheckpoint(1, contentOf(1));
  expect(losses()).toEqual([]);
  expect(putInPlace()).toEqual(["step-1"]);
  const synced = calls.filter(({ what }) => what === "sync").map(({ path }) => basename(path));
  expect(synced).toEqual(
    expect.arrayContaining([
      "metrics.jsonl",
      "model.safetensors",
      "optimizer.safetensors",
      "state.json",
      "checkpoints",
    ]),
  );
  const inPlace = indexOf(({ what, to }) => what === "rename" && basename(to ?? "") === "step-1");
  expect(indexOf(({ what, path }) => what === "sync" && basename(path) === "metrics.jsonl")).toBeLessThan(inPlace);
});

test("old checkpoints step aside, whole, before they are removed, and only when the new one is on the disk", () => {
  using run = createRun(join(temporaryFolder(), "run"), RECIPE, { keepCheckpoints: 1 });
  run.saveCheckpoint(1, contentOf(1));
  calls.length = 0;
  run.saveCheckpoint(2, contentOf(2));
  const at = (what: Call["what"], isIt: (call: Call) => boolean) => indexOf((call) => call.what === what && isIt(call));
  const order = [
    at("rename", ({ to }) => basename(to ?? "") === "step-2"),
    at("sync", ({ path }) => basename(path) === "checkpoints"),
    at("rename", ({ path }) => basename(path) === "step-1"),
    at("remove", ({ path }) => /^\.step-1\./.test(basename(path))),
  ];
  expect(order.every((index) => index >= 0)).toBe(true);
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(calls.filter(({ what, path }) => what === "remove" && /^step-/.test(basename(path)))).toEqual([]);
  expect(readdirSync(join(run.directory, "checkpoints"))).toEqual(["step-2"]);
});

test("a checkpoint of the same step steps aside for the new one, and is removed when that is on the disk", () => {
  using run = createRun(join(temporaryFolder(), "run"), RECIPE);
  run.saveCheckpoint(1, contentOf(1));
  calls.length = 0;
  run.saveCheckpoint(1, contentOf(2));
  expect(losses()).toEqual([]);
  const steps = calls.filter(
    ({ what, path }) => what !== "write" && what !== "create" && /step-1|checkpoints$/.test(basename(path)),
  );
  expect(steps.map(({ what }) => what)).toEqual(["make", "sync", "rename", "rename", "sync", "remove"]);
});

test("a checkpoint that cannot be put in place brings back the one that had stepped aside for it", () => {
  using run = createRun(join(temporaryFolder(), "run"), RECIPE);
  run.saveCheckpoint(1, contentOf(1));
  const state = () => readFileSync(join(run.directory, "checkpoints/step-1/state.json"), "utf8");
  const before = state();
  recorder.refused = "/step-1";
  expect(() => run.saveCheckpoint(1, contentOf(2))).toThrow("refused");
  expect(state()).toBe(before);
  expect(readdirSync(join(run.directory, "checkpoints"))).toEqual(["step-1"]);
});

test("what a killed run left over is tidied without touching a checkpoint", () => {
  const folder = join(temporaryFolder(), "run");
  createRun(folder, RECIPE).close();
  const leftover = `.step-2.tmp-${newProcessName()}`;
  for (const name of ["step-1", leftover]) mkdirSync(join(folder, "checkpoints", name));
  calls.length = 0;
  openRun(folder).close();
  const removed = calls.filter(({ what }) => what === "remove").map(({ path }) => basename(path));
  expect(removed.filter((name) => !name.startsWith(".lock"))).toEqual([leftover]);
});

test("a model folder is put in place when every file of it is on the disk, also those that others have written", async () => {
  const path = join(temporaryFolder(), "model");
  for (const time of [1, 2]) {
    calls.length = 0;
    await writeModelFolder({
      ...{ path, config: exampleConfig("BertForMaskedLM"), card: `# ${time}\n` },
      tensors: exampleParameters("bert", { mlm: true }),
      saveTokenizer: async (folder) => writeFileSync(join(folder, "vocab.txt"), "[PAD]\n"),
    });
    expect(losses()).toEqual([]);
    expect(putInPlace()).toEqual(["model"]);
    const order = ["rename", "sync", "remove"].map((what) =>
      calls.findLastIndex((call) => call.what === what && (what === "sync" ? call.path === dirname(path) : true)),
    );
    if (time === 2) expect(order).toEqual(order.toSorted((a, b) => a - b)); // The old one goes last.
  }
});

test("a dataset's notes are put in place when the shards that they tell of are on the disk", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "corpus.txt"), madeUpDocuments(400).join("\n\n"));
  calls.length = 0;
  const out = join(folder, "dataset");
  await prepare({
    ...{ corpus: [join(folder, "corpus.txt")], tokenizer: tokenizerFolder(), out },
    ...{ heldOut: 0.1, shardTokens: 2000, workers: 0 },
  });
  expect(losses()).toEqual([]);
  const unsynced = new Set<string>();
  let shards = 0;
  for (const { what, path, to = "" } of calls.filter((call) => isWithin(call.path, out))) {
    if (path.endsWith(".tokens") && what === "write") unsynced.add(path);
    if (path.endsWith(".tokens") && what === "sync" && unsynced.delete(path)) shards++;
    if (what === "rename" && /progress|dataset\.json/.test(basename(to)))
      expect([...unsynced], basename(to)).toEqual([]);
  }
  expect(shards).toBeGreaterThan(3);
  expect(putInPlace().at(-1)).toBe("dataset.json");
  // The note of how far it came goes only when the dataset stands.
  expect(indexOf(({ what, path }) => what === "remove" && basename(path) === "progress.json")).toBeGreaterThan(
    indexOf(({ what, to }) => what === "rename" && basename(to ?? "") === "dataset.json"),
  );
});
