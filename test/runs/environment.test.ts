import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { kernels } from "../../src/engine/tensor/device.js";
import { FormatError } from "../../src/errors.js";
import { type Environment, keepEnvironment } from "../../src/runs/environment.js";
import { createRun, openRun } from "../../src/runs/run.js";

let folder: string;
let warnings: string[];
const onWarning = (line: string) => void warnings.push(line);
const at = () => join(folder, "run");
const file = () => join(at(), "environment.json");
const read = () => JSON.parse(readFileSync(file(), "utf8")) as Environment;

beforeEach(() => {
  warnings = [];
  folder = mkdtempSync(join(tmpdir(), "limbeck-environment-"));
  using run = createRun(at(), { seed: 1 }, { onWarning });
  keepEnvironment(run, "cpu");
});
afterEach(() => rmSync(folder, { recursive: true }));

function resume(device = "cpu"): void {
  using run = openRun(at(), null, { onWarning });
  keepEnvironment(run, device);
}

test("a run that is begun notes versions, processor, kernels, threads, device and platform", () => {
  expect(read()).toMatchObject({ node: process.versions.node, kernels: kernels(), threads: 1, device: "cpu" });
  const { limbeck, libtorch, cpu, platform } = read();
  for (const version of [limbeck, libtorch]) expect(version).toMatch(/^\d+\.\d+\.\d+/);
  for (const words of [cpu, platform]) expect(words).toMatch(/\S/);
  expect(warnings).toEqual([]);
});

test("resumed with the same, it says nothing", () => {
  resume();
  expect(warnings).toEqual([]);
});

test("resumed with other ones, it says in one line which, and notes them", () => {
  const now = read();
  writeFileSync(file(), JSON.stringify({ ...now, kernels: "avx2", threads: 64, libtorch: "2.11.0" }));
  resume();
  expect(warnings).toEqual([
    `${at()}: resumed where the last bits may come out differently: libtorch 2.11.0, now ${now.libtorch}; kernels avx2, now ${now.kernels}; threads 64, now 1.`,
  ]);
  expect(read()).toEqual(now);
  resume("cuda:0");
  expect(warnings).toHaveLength(2);
  expect(warnings[1]).toMatch(/device cpu, now cuda:0\.$/);
});

test("a run of before there was such a file gets one", () => {
  rmSync(file());
  resume();
  expect(warnings).toEqual([]);
  expect(read().kernels).toBe(kernels());
});

test("a damaged file is named", () => {
  writeFileSync(file(), '{"kernels": 3}');
  expect(() => resume()).toThrow(FormatError);
  expect(() => resume()).toThrow(/environment\.json.*Delete it, and resume again\.$/);
});
