import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const FOUNDATION = ["errors", "tensor", "nn", "optim", "text", "data", "models", "checkpoint"];

/**
 * What each folder (or file) directly below src/ may import, in the order data flows: every row names only earlier rows.
 * "folder/file" allows that one file.
 */
const TABLE: Record<string, readonly string[]> = {
  errors: [],
  version: [],
  "no-telemetry": [], // Before whatever loads ONNX Runtime.
  native: ["errors"],
  tensor: ["errors", "native"],
  nn: ["errors", "tensor"],
  optim: ["errors", "tensor", "nn"],
  text: ["errors"],
  data: ["errors", "text"],
  models: ["errors", "tensor", "nn"],
  checkpoint: ["errors", "tensor", "nn", "optim", "text", "models"],
  train: FOUNDATION,
  distill: [...FOUNDATION, "train"],
  tasks: [...FOUNDATION, "train", "distill"],
  infer: ["errors", "no-telemetry", "text"],
  recipes: [...FOUNDATION, "train", "distill", "tasks"],
  report: [...FOUNDATION, "version", "train", "distill", "tasks", "infer", "recipes"],
  // Tasks judge what an export costs: --check; pipelines name what it is for.
  export: [...FOUNDATION, "version", "no-telemetry", "train", "distill", "tasks", "infer"],
  playground: ["errors", "infer", "report"], // Reports lend their colours and their escaping.
  demo: [...FOUNDATION, "train", "distill", "recipes"],
  cli: [
    ...FOUNDATION,
    "version",
    "no-telemetry",
    "train",
    "distill",
    "tasks",
    "infer",
    "recipes",
    "report",
    "export",
    "playground",
    "demo",
  ],
  index: [...FOUNDATION, "train", "distill", "tasks", "recipes", "report", "export", "demo"],
};

/** Single files that may import more than their folder, and why. */
const EXCEPTIONS: Record<string, readonly string[]> = {
  "native.gen.ts": ["tensor/dtype"], // A type only: the addon's signatures name the dtypes.
  "infer/model-config.ts": ["models/config"], // How a config.json is read: no tensors in it.
  "infer/answer.ts": ["tasks/questions/squad-answers"], // How answers are cut out of a passage: no tensors in it.
};

const SOURCES = fileURLToPath(new URL("../src", import.meta.url));
const FILES = readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts"));

const read = (path: string): string => readFileSync(join(SOURCES, path), "utf8");
/** "nn" for "nn/linear.ts", "native" for "native.gen.ts". */
const rowOf = (path: string): string => path.split("/", 1)[0]?.split(".", 1)[0] ?? "";

/** The files of src/ that a file imports, as paths from src/ without a suffix. */
function importsOf(path: string): string[] {
  const specifiers = read(path).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["'](\.{1,2}\/[^"']+)["']/g);
  return [...specifiers].map(([, specifier = ""]) =>
    posix.join(posix.dirname(path), specifier).replace(/\.[jt]s$/, ""),
  );
}

function isAllowed(path: string, imported: string): boolean {
  const own = rowOf(path);
  const allowed = [own, ...(TABLE[own] ?? []), ...(EXCEPTIONS[path] ?? [])];
  return allowed.includes(rowOf(imported)) || allowed.includes(imported);
}

describe("the import table", () => {
  test("names only earlier rows in each row", () => {
    const rows = Object.keys(TABLE);
    const late = Object.entries(TABLE).flatMap(([row, imported]) =>
      imported.filter((other) => rows.indexOf(other) < 0 || rows.indexOf(other) >= rows.indexOf(row)),
    );
    expect(late).toEqual([]);
  });

  test("has a row for every folder and file directly below src/", () => {
    expect(new Set(FILES.map(rowOf).filter((row) => !(row in TABLE)))).toEqual(new Set());
  });

  test("is what the files import", () => {
    const crossings = FILES.flatMap((path) =>
      importsOf(path)
        .filter((imported) => !isAllowed(path, imported))
        .map((imported) => `${path} imports ${imported}`),
    );
    expect(crossings).toEqual([]);
  });

  test("names only exceptions that are needed", () => {
    const idle = Object.keys(EXCEPTIONS).filter(
      (path) => !FILES.includes(path) || !importsOf(path).some((imported) => rowOf(imported) !== rowOf(path)),
    );
    expect(idle).toEqual([]);
  });
});

describe("the sources", () => {
  test("end the process only in cli/", () => {
    expect(FILES.filter((path) => !path.startsWith("cli/") && /\bprocess\s*\.\s*exit\b/.test(read(path)))).toEqual([]);
  });

  test("have no drawer for odds and ends", () => {
    expect(FILES.filter((path) => /(^|\/)(utils?|helpers?|common|misc)\.ts$/.test(path))).toEqual([]);
  });

  test("have one barrel", () => {
    expect(FILES.filter((path) => /(^|\/)index\.ts$/.test(path) && path !== "index.ts")).toEqual([]);
  });

  test("name no folder of anybody's machine", () => {
    expect(FILES.filter((path) => /["'`]\/(home|root|Users|work)\//.test(read(path)))).toEqual([]);
  });
});
