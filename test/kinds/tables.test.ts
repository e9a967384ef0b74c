import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { KIND_RECORDS, KINDS } from "../../src/kinds/kinds.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const SOURCES = ["src", "web"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => `${folder}/${path.replaceAll("\\", "/")}`),
);

/** The tables that CONTRIBUTING lists for a new kind of task. */
function listedTables(): string[] {
  const [, section = ""] = /## Adding a kind of task\n(.*?)\n## /s.exec(read("CONTRIBUTING.md")) ?? [];
  return [...section.matchAll(/^\| `((?:src|web)\/[\w./-]+\.ts)`/gm)].map(([, path = ""]) => path).sort();
}

/** Files of a copy of the sources whose tables lack a row when there is one more kind. */
function filesThatLackARow(): string[] {
  const copy = mkdtempSync(join(tmpdir(), "limbeck-kinds-"));
  try {
    for (const path of ["src", "web", "package.json", "tsconfig.json"]) {
      cpSync(join(ROOT, path), join(copy, path), { recursive: true });
    }
    symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
    const path = join(copy, "src/kinds/kinds.ts");
    const more = readFileSync(path, "utf8").replace("TEXT_KINDS = [", 'TEXT_KINDS = ["made-up", ');
    expect(more).toContain('"made-up"');
    writeFileSync(path, more);
    const projects = ["tsconfig.json", "web/tsconfig.json", "web/tsconfig.worker.json"];
    const errors = projects.flatMap((project) => complaints(copy, project).split(/\n(?=\S)/));
    const lacking = errors.filter((error) => error.includes(`Property '"made-up"' is missing`)); // What follows from it is not counted.
    return [...new Set(lacking.map((error) => error.replace(/^(\.\.\/)*/, "").replace(/\(.*/s, "")))].sort();
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function complaints(folder: string, project: string): string {
  const args = ["-p", project, "--noEmit", "--pretty", "false"];
  try {
    return execFileSync(join(ROOT, "node_modules/.bin/tsc"), args, { cwd: folder, encoding: "utf8" });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

test("a kind of task without its row in every table does not compile, and CONTRIBUTING lists the tables", () => {
  expect(filesThatLackARow()).toEqual(listedTables());
});

test("no code outside kinds/ asks which kind a task is, nor what it is called elsewhere", () => {
  const records = KINDS.map((kind) => KIND_RECORDS[kind]);
  const names = new Set([
    ...KINDS,
    ...records.flatMap(({ pipeline, hubPipeline, problemType }) => [pipeline, hubPipeline, problemType ?? pipeline]),
  ]);
  const classes = records.filter(({ needsHead }) => needsHead).map(({ modelClass }) => modelClass);
  const name = `["'\`](?:${[...names].join("|")})["'\`]`;
  const asks = new RegExp(
    `[=!]==?\\s*${name}|${name}\\s*[=!]==?|\\bcase\\s+${name}|(?:includes|startsWith|endsWith)\\(${name}|["'\`/](?:${classes.join("|")})\\b`,
  );
  const asking = SOURCES.filter((path) => !path.startsWith("src/kinds/")).flatMap((path) =>
    read(path)
      .split("\n")
      .filter((line) => !/^\s*(\*|\/[/*])/.test(line))
      .flatMap((line) => (asks.test(line) ? [`${path}: ${line.trim()}`] : [])),
  );
  expect(asking).toEqual([]);
});
