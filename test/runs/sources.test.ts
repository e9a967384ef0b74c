import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ConfigError, FormatError } from "../../src/errors.js";
import { keepSources, readSources } from "../../src/runs/sources.js";

function folderWith(files: Record<string, string> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "limbeck-sources-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

function sources() {
  const teacher = folderWith({ "config.json": "{}", "model.safetensors": "weights", "README.md": "a card" });
  return { data: folderWith({ "dataset.json": "{}" }), teacher: { name: teacher, folder: teacher } };
}

test("a run tells what it was made from", () => {
  const [run, given] = [folderWith(), sources()];
  expect(readSources(run)).toBeNull();
  keepSources(run, given);
  const kept = readSources(run);
  expect(kept).toMatchObject({ data: { path: given.data }, teacher: { path: given.teacher.name } });
  keepSources(run, given); // Resumed on the same.
  expect(readSources(run)).toEqual(kept);
});

test("a teacher from the Hub keeps its name", () => {
  const [run, { data, teacher }] = [folderWith(), sources()];
  keepSources(run, { data, teacher: { ...teacher, name: "someone/teacher" } });
  expect(readSources(run)?.teacher?.path).toBe("someone/teacher");
});

test("a run that is moved with what lies beside it still finds that", () => {
  const place = folderWith();
  for (const name of ["data", "run", "run/teacher"]) mkdirSync(join(place, "before", name), { recursive: true });
  writeFileSync(join(place, "before/data/dataset.json"), "{}");
  writeFileSync(join(place, "before/run/teacher/config.json"), "{}");
  const within = join(place, "before/run/teacher");
  const { teacher: elsewhere } = sources();
  const given = { data: join(place, "before/data"), teacher: { name: within, folder: within }, model: elsewhere };
  keepSources(join(place, "before/run"), given);
  renameSync(join(place, "before"), join(place, "after"));
  expect(readSources(join(place, "after/run"))).toMatchObject({
    data: { path: join(place, "after/data") },
    teacher: { path: join(place, "after/run/teacher") },
    model: { path: elsewhere.name },
  });
});

test("absolute paths of what lies beside the run are read too", () => {
  const [run, { data }] = [folderWith(), sources()];
  const sha256 = "0".repeat(64);
  writeFileSync(join(run, "sources.json"), JSON.stringify({ data: { path: data, sha256 }, teacher: null }));
  expect(readSources(run)?.data.path).toBe(data);
});

test("what no weight depends on may change", () => {
  const [run, given] = [folderWith(), sources()];
  keepSources(run, given);
  writeFileSync(join(given.teacher.folder, "README.md"), "another card");
  expect(() => keepSources(run, given)).not.toThrow();
});

test.each([
  ["teacher", "model.safetensors"],
  ["data", "dataset.json"],
])("another %s is refused, and what the run was made from stays on record", (what, file) => {
  const [run, given] = [folderWith(), sources()];
  keepSources(run, given);
  const before = readFileSync(join(run, "sources.json"), "utf8");
  writeFileSync(join(what === "data" ? given.data : given.teacher.folder, file), "other");
  expect(() => keepSources(run, given)).toThrow(ConfigError);
  expect(() => keepSources(run, given)).toThrow(`expected the ${what} the run was begun with`);
  expect(readFileSync(join(run, "sources.json"), "utf8")).toBe(before);
});

test("a damaged record is named", () => {
  const run = folderWith({ "sources.json": '{"data": 5, "teacher": null}' });
  expect(() => readSources(run)).toThrow(FormatError);
  expect(() => readSources(run)).toThrow(/sources\.json: data: .*Delete it/);
});
