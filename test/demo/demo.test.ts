import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DemoResult, demo } from "../../src/demo/demo.js";
import { liveTensors } from "../../src/engine/tensor/scope.js";
import { smallCorpus, untrainedModel } from "../training/loop/small-corpus.js";

const folder = mkdtempSync(join(tmpdir(), "limbeck-demo-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the demo, on a corpus of one's own", () => {
  let result: DemoResult;
  const said: string[] = [];

  beforeAll(async () => {
    const { tokenizer } = await smallCorpus(folder);
    const teacher = await untrainedModel(join(folder, "teacher"), tokenizer, { layers: 4, maxPositions: 32 });
    result = await demo({
      teacher,
      out: join(folder, "out"),
      corpus: [join(folder, "corpus.txt")],
      trainingSeconds: 0.1,
      device: "cpu",
      observer: { estimate: () => {}, step: () => {}, evaluation: () => {}, saved: () => {} },
      say: (line) => said.push(line),
    });
  });

  test("compares teacher, student before and after, and a control of the student's shape", () => {
    expect(result.models.map(({ name, layers }) => [name, layers])).toEqual([
      ["teacher", 4],
      ["student before", 2],
      ["student after", 2],
      ["control", 2],
    ]);
    const [teacher, , student, control] = result.models;
    expect(student?.parameters).toBe(control?.parameters);
    expect(student?.parameters).toBeLessThan(teacher?.parameters ?? 0);
  });

  test("measures each: bytes, CPU time, held-out accuracy and loss", () => {
    for (const { parameters, bytes, cpuMsPerSentence, heldOut } of result.models) {
      expect(bytes).toBe(4 * parameters);
      expect(cpuMsPerSentence).toBeGreaterThan(0);
      expect(heldOut.loss).toBeGreaterThan(0);
    }
    const [teacher, , student] = result.models.map(({ heldOut }) => heldOut.accuracy);
    expect(result.accuracyKept).toBe(teacher === 0 ? null : (student ?? 0) / (teacher ?? 1));
  });

  test("leaves the student's folder, both runs and a report, and no tensor", () => {
    for (const path of ["student/model/config.json", "control/model/config.json", "report.json"]) {
      expect(existsSync(join(folder, "out", path))).toBe(true);
    }
    expect(JSON.parse(readFileSync(join(folder, "out/report.json"), "utf8"))).toEqual(result);
    expect(liveTensors()).toBe(0);
  });

  test("trains the control for the same steps, without the teacher", () => {
    const recipe = (name: string) => JSON.parse(readFileSync(join(folder, "out", name, "recipe.json"), "utf8"));
    expect(recipe("control")).toEqual({ ...recipe("student"), initialisation: "random", alphaCe: 0, alphaCos: 0 });
    expect(recipe("student").steps).toBe(result.steps);
  });

  test("says what it does", () => {
    expect(said.join("\n")).toMatch(/tokens to train on[\s\S]*distilling 4 → 2 layers[\s\S]*control/);
  });
});
