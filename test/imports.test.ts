import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

/** The rooms of src/ in the order in which data flows: a room imports only from those above it. docs/architecture.md */
const ROOMS = [
  ...[
    "errors",
    "version",
    "processor",
    "numbers",
    "quantities",
    "storage",
    "text",
    "families",
    "kinds",
    "infer",
    "recipes",
    "data",
    "engine",
    "models",
  ],
  ...["hub", "runs", "training", "tasks", "export", "experiments", "demo", "pages", "serve", "cli", "index"],
];

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const below = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts"));
const FILES = below("src");

const read = (path: string): string => readFileSync(join(ROOT, "src", path), "utf8");
/** "engine" for "engine/nn/layers.ts", "errors" for "errors.ts". */
const roomOf = (path: string): string => path.split("/", 1)[0]?.split(".", 1)[0] ?? "";

/** What a file imports, types too, as it is written. */
function specifiersOf(text: string): string[] {
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g);
  return [...found].map(([, specifier = ""]) => specifier);
}

/** The files that a file of src/ imports, as paths from src/. */
function importsOf(path: string): string[] {
  return specifiersOf(read(path))
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => posix.join(posix.dirname(path), specifier).replace(/\.js$/, ".ts"));
}

const GRAPH = new Map(FILES.map((path) => [path, importsOf(path)]));

/** All that files of src/ import, however far away, themselves included. */
function reachedFrom(starts: readonly string[]): string[] {
  const reached = new Set(starts);
  for (const path of reached) for (const imported of GRAPH.get(path) ?? []) reached.add(imported);
  return [...reached].sort();
}

/** Groups of files of which each imports, by whatever way, each other. */
function circles(): string[][] {
  const reach = new Map(FILES.map((path) => [path, new Set(reachedFrom(GRAPH.get(path) ?? []))]));
  const groups = FILES.filter((path) => reach.get(path)?.has(path)).map((path) =>
    FILES.filter((other) => reach.get(path)?.has(other) && reach.get(other)?.has(path)).sort(),
  );
  return [...new Map(groups.map((group) => [group.join(", "), group])).values()];
}

describe("the rooms", () => {
  test("are all that stands directly below src/, and each has its line", () => {
    expect(FILES.filter((path) => !ROOMS.includes(roomOf(path)))).toEqual([]);
    expect(ROOMS.filter((room) => !FILES.some((path) => roomOf(path) === room))).toEqual([]);
  });

  test("import only from those above them", () => {
    const upwards = FILES.flatMap((path) =>
      importsOf(path)
        .filter((imported) => ROOMS.indexOf(roomOf(imported)) > ROOMS.indexOf(roomOf(path)))
        .map((imported) => `${path} imports ${imported}`),
    );
    expect(upwards).toEqual([]);
  });

  test("hold no circle of files", () => {
    expect(circles()).toEqual([]);
  });

  test("import files that exist", () => {
    expect([...GRAPH].flatMap(([, imported]) => imported.filter((path) => !GRAPH.has(path)))).toEqual([]);
  });
});

describe("what runs an exported model", () => {
  const engine = (path: string): boolean => ROOMS.indexOf(roomOf(path)) >= ROOMS.indexOf("engine");
  /** What web/ imports of src/. */
  const web = below("web").flatMap((path) =>
    specifiersOf(readFileSync(join(ROOT, "web", path), "utf8"))
      .filter((specifier) => specifier.includes("/src/"))
      .map((specifier) => specifier.replace(/^.*\/src\//, "").replace(/\.js$/, ".ts")),
  );

  test("reaches nothing of the engine", () => {
    const infer = FILES.filter((path) => path.startsWith("infer/"));
    expect(reachedFrom(infer).filter(engine)).toEqual([]);
  });

  test("reaches nothing of Node's in browsers", () => {
    expect(web.filter((path) => !existsSync(join(ROOT, "src", path)))).toEqual([]);
    const reached = reachedFrom([...web, "infer/browser.ts"]);
    expect(reached.filter((path) => roomOf(path) !== "serve" && engine(path))).toEqual([]);
    const nodes = reached.flatMap((path) =>
      specifiersOf(read(path))
        .filter((specifier) => specifier.startsWith("node:") || specifier === "onnxruntime-node")
        .map((specifier) => `${path} imports ${specifier}`),
    );
    expect(nodes).toEqual([]);
  });
});

describe("the sources", () => {
  test("end the process only in cli/", () => {
    expect(FILES.filter((path) => !path.startsWith("cli/") && /\bprocess\s*\.\s*exit\b/.test(read(path)))).toEqual([]);
  });

  test("lock, rename, sync, hash, write files and look for processes only in storage/", () => {
    const means =
      /\b((rename|fsync|fdatasync|writeFile|appendFile)(Sync)?|writev?Sync|createWriteStream|createHash)\(|\bflock\b|\bopen(Sync)?\([^)]*"[wa]|process\.kill|boot_id/;
    expect(FILES.filter((path) => roomOf(path) !== "storage" && means.test(read(path)))).toEqual([]);
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
