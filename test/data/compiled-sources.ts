import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");

/** The data sources as they stand, compiled for child processes to import. */
export interface CompiledSources extends Disposable {
  /** Path of prepare.js. */
  readonly prepare: string;
}

/** Compiles src/data under node_modules, where a child finds the packages. */
export function compileSources(): CompiledSources {
  const cache = join(ROOT, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "limbeck-data-"));
  const tsconfig = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: { outDir: folder, rootDir: join(ROOT, "src"), declaration: false, noCheck: true },
    files: ["prepare.ts", "tokenise-worker.ts"].map((name) => join(ROOT, "src/data", name)),
    include: [],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  execFileSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", folder]);
  return {
    prepare: join(folder, "data/prepare.js"),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
