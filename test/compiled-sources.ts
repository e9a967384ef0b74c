import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");

/** Sources as they stand, compiled for child processes to import. */
export interface CompiledSources extends Disposable {
  /** The folder that stands for src/. */
  readonly folder: string;
}

/**
 * Compiles files of src/, and all that they import, under node_modules, where a child finds the packages, beside a link to
 * the engine.
 */
export function compileSources(...files: readonly string[]): CompiledSources {
  const cache = join(ROOT, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const root = mkdtempSync(join(cache, "limbeck-test-"));
  const folder = join(root, "src");
  const tsconfig = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: { outDir: folder, rootDir: join(ROOT, "src"), declaration: false, noCheck: true },
    files: files.map((file) => join(ROOT, "src", file)),
    include: [],
  };
  writeFileSync(join(root, "tsconfig.json"), JSON.stringify(tsconfig));
  copyFileSync(join(ROOT, "package.json"), join(root, "package.json"));
  symlinkSync(join(ROOT, "build"), join(root, "build"));
  execFileSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", root]);
  return { folder, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}
