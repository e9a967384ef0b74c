import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { onTestFinished } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");

/**
 * Compiles the checkpoint sources as they stand, for a child process to import; gives run.js's path.
 *
 * Under node_modules, where the child finds the packages they import.
 */
export function compileRunModule(): string {
  const cache = join(ROOT, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "limbeck-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const tsconfig = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: { outDir: folder, rootDir: join(ROOT, "src"), declaration: false, noCheck: true },
    files: [join(ROOT, "src/checkpoint/run.ts")],
    include: [],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  execFileSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", folder]);
  return join(folder, "checkpoint/run.js");
}
