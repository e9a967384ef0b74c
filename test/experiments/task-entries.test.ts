import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { glueEntries } from "../../src/experiments/task-entries.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "limbeck-glue-tasks-"));
  for (const file of ["CoLA/train.tsv", "CoLA/dev.tsv", "SST-2/train.tsv", "SST-2/dev.tsv", "QNLI/dev.tsv"]) {
    mkdirSync(join(folder, file, ".."), { recursive: true });
    writeFileSync(join(folder, file), "");
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

test("all nine tasks are listed in the paper's order, and those without data say why", () => {
  const entries = glueEntries(folder, null);
  expect(entries.map(({ title }) => title)).toEqual(
    ["CoLA", "MNLI", "MRPC", "QNLI", "QQP", "RTE", "SST-2", "STS-B", "WNLI"], // biome-ignore format: a row
  );
  expect(entries.map((entry) => (entry.data === null ? entry.reason : "found"))).toEqual(
    ["found", "no folder", "no folder", "no train.tsv", ...Array(2).fill("no folder"), "found", ...Array(2).fill("no folder")], // biome-ignore format: a row
  );
});

test("only wanted tasks are listed, however their names are written", () => {
  expect(glueEntries(folder, ["SST-2", "rte"]).map(({ name }) => name)).toEqual(["rte", "sst2"]);
});

test("a name nobody knows is refused, with one that is close", () => {
  expect(() => glueEntries(folder, ["sst3"])).toThrow(/--tasks: .*got "sst3"\. Did you mean sst2\?/);
});

test("a folder that is not there is refused", () => {
  expect(() => glueEntries(join(folder, "none"), null)).toThrow(/none: no such folder/);
});
