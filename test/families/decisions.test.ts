import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const SRC = resolve(import.meta.dirname, "../../src");

/** Lines of code, without comments, where only records of families and recipes may say such things. */
function linesWith(pattern: RegExp): string[] {
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts") && !/^(families|recipes)\//.test(path));
  expect(files.length).toBeGreaterThan(100);
  return files.flatMap((path) => {
    const code = readFileSync(join(SRC, path), "utf8").replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*/g, "");
    return code
      .split("\n")
      .filter((line) => pattern.test(line))
      .map((line) => `${path}: ${line.trim()}`);
  });
}

test("no code outside families/ and recipes/ has a family's model type, or the name of its classes", () => {
  expect(linesWith(/["'`](distil)?bert["'`]|["'`](Distil)?Bert(For|Model|["'`])/)).toEqual([]);
});

test("none decides by which family a model is of", () => {
  expect(
    linesWith(/\b(family|modelType)\s*[=!]==?|[=!]==?\s*[\w.]*\b(family|modelType)\b|switch \(.*family|isBert/),
  ).toEqual([]);
});
