import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { copyModelFolder } from "../../src/hub/folder.js";
import { temporaryFolder } from "../storage/temporary-folder.js";

function modelIn(folder: string, name: string, weights: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, "config.json"), "{}");
  writeFileSync(join(path, "model.safetensors"), weights);
  return path;
}

test("a model has a second name, which outlives the first", () => {
  const folder = temporaryFolder();
  const source = modelIn(folder, "source", "weights");
  copyModelFolder(source, join(folder, "model"));
  rmSync(source, { recursive: true });
  expect(readFileSync(join(folder, "model/model.safetensors"), "utf8")).toBe("weights");
  expect(readdirSync(folder)).toEqual(["model"]);
});

test("a model that is there is replaced, also where a replacement was cut short, and anything else is not", () => {
  const folder = temporaryFolder();
  const source = modelIn(folder, "source", "new");
  modelIn(folder, ".model.old-1-1", "old"); // It had stepped aside, and the power failed.
  copyModelFolder(source, join(folder, "model"));
  expect(readFileSync(join(folder, "model/model.safetensors"), "utf8")).toBe("new");
  expect(existsSync(join(folder, ".model.old-1-1"))).toBe(false);
  mkdirSync(join(folder, "thesis"));
  writeFileSync(join(folder, "thesis/text.txt"), "years of work");
  expect(() => copyModelFolder(source, join(folder, "thesis"))).toThrow(/got one with "text\.txt"/);
});
