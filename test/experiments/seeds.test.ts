import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bestRun, keepBestModel } from "../../src/experiments/seeds.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-seeds-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("the model of the best stays, of the first of several as good", () => {
  const fake = (name: string, score: number) => {
    const run = join(folder, name);
    mkdirSync(join(run, "model"), { recursive: true });
    return { run, score };
  };
  const runs = [fake("a", 0.5), fake("b", 0.7), fake("c", 0.7), fake("d", 0.6)];
  expect(bestRun(runs)).toBe(runs[1]);
  keepBestModel(runs);
  expect(runs.map(({ run }) => existsSync(join(run, "model")))).toEqual([false, true, false, false]);
  expect(runs.every(({ run }) => existsSync(run))).toBe(true);
});
