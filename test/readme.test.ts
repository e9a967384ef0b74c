import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { smallCorpus, untrainedModel } from "./training/loop/small-corpus.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const README = readFileSync(join(ROOT, "README.md"), "utf8");

let folder: string;
beforeAll(async () => {
  // Inside the package, where its own name means dist/.
  mkdirSync(join(ROOT, "build"), { recursive: true });
  folder = mkdtempSync(join(ROOT, "build/readme-"));
  const { tokenizer } = await smallCorpus(folder);
  await untrainedModel(join(folder, "bert-base-uncased"), tokenizer, { maxPositions: 128, layers: 12 });
  mkdirSync(join(folder, "my-text"));
  writeFileSync(join(folder, "my-text/corpus.txt"), readFileSync(join(folder, "corpus.txt")));
  rmSync(join(folder, "data"), { recursive: true }); // The code makes its own.
  writeFileSync(join(folder, "train.csv"), reviews(64));
  writeFileSync(join(folder, "dev.csv"), reviews(16));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Reviews whose one word says whether they are good. */
function reviews(count: number): string {
  const rows = Array.from({ length: count }, (_, i) => (i % 2 === 0 ? "bada beda,good" : "kala kela,bad"));
  return ["review,verdict", ...rows, ""].join("\n");
}

test("the code under In code goes the whole way", () => {
  const [, code = ""] = /## In code\n.*?```ts\n(.*?)```/s.exec(README) ?? [];
  expect(code.trim().split("\n").length).toBeLessThanOrEqual(18);
  writeFileSync(join(folder, "way.mjs"), code);
  const output = execFileSync(process.execPath, ["way.mjs"], { cwd: folder, encoding: "utf8", stdio: "pipe" });
  expect(output).toMatch(/^\{ accuracy: [\d.]+, .*\} (good|bad) 0\.\d+\n$/s);
});
