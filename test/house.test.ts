import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { createProgram } from "../src/cli/program.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const DOCUMENTS = [
  ...readdirSync(ROOT),
  ...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).map((path) => join("docs", path)),
].filter((path) => path.endsWith(".md") && !path.startsWith("docs/api/")); // docs/api is generated.

interface LockedPackage {
  version?: string;
  optionalDependencies?: Record<string, string>;
}

describe("package-lock.json", () => {
  // npm leaves a platform's package out of the lock where the registry at hand lacks it, and npm ci then refuses the lock.
  test("has an entry for every platform's optional packages", () => {
    const { packages } = JSON.parse(read("package-lock.json")) as { packages: Record<string, LockedPackage> };
    const missing = Object.values(packages)
      .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
      .filter((name) => packages[`node_modules/${name}`]?.version === undefined);
    expect(missing).toEqual([]);
  });
});

describe("the documents", () => {
  test.each(DOCUMENTS)("%s links to files that exist", (path) => {
    const links = [...read(path).matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)/g)].map(([, link = ""]) => link);
    expect(links.filter((link) => !existsSync(join(ROOT, dirname(path), link)))).toEqual([]);
  });

  test.each(DOCUMENTS)("%s names npm scripts that exist", (path) => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const named = [...read(path).matchAll(/\bnpm run ([a-z][a-z:-]*)/g)].map(([, name = ""]) => name);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  test("docs/architecture.md and CONTRIBUTING.md name files and folders that exist", () => {
    const named = ["docs/architecture.md", "CONTRIBUTING.md"].flatMap((path) =>
      [...read(path).matchAll(/`((?:src|native|web|test|bench|scripts|docs)\/[\w./-]*)`/g)].map(
        ([, name = ""]) => name,
      ),
    );
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter((name) => !/[A-Z]{4}/.test(name) && !existsSync(join(ROOT, name)))).toEqual([]);
  });

  test("README.md names every command, and only commands there are", () => {
    const commands = createProgram().commands.map((command) => command.name());
    const named = [...read("README.md").matchAll(/\blimbeck ([a-z]+)\b/g)].map(([, name = ""]) => name);
    expect([...new Set(named)].sort()).toEqual(commands.sort());
  });

  test("the change log has a heading for the version of package.json", () => {
    const { version } = JSON.parse(read("package.json")) as { version: string };
    expect(read("CHANGELOG.md")).toMatch(new RegExp(`^## \\[(Unreleased|${version.replaceAll(".", "\\.")})\\]`, "m"));
  });
});
