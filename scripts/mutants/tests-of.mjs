// Which tests ought to notice an error in a file: those that import it, the closest first.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";

/** Every file of src/ and test/ with the files that it imports, paths from `root`. */
export function importsBelow(root) {
  const files = ["src", "test"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(folder, name)),
  );
  return new Map(files.map((file) => [file, importsOf(root, file)]));
}

function importsOf(root, file) {
  const text = readFileSync(join(root, file), "utf8");
  const found = [...text.matchAll(/(?:from|import\(|import) ?"(\.[^"]+)\.js"/g)];
  const paths = found.map(([, path]) => normalize(join(dirname(file), `${path}.ts`)));
  return paths.filter((path) => existsSync(join(root, path)));
}

/** Whole programs, pages and trainings, and what runs in processes: they notice much, but late. */
const TOO_FAR =
  /^test\/(cli|demo|serve|house|index)\b|\/(distill|finetune|resume|session|step-profiler|(prepare-)?kill|prepare-limits|python|full-disk)\.test\.ts$/;
const [FEWEST_TESTS, MOST_TESTS] = [3, 5];

/**
 * The tests of a file in the order in which they are asked: its namesake's, those of its folder, and then the others
 * that import it, themselves or by their helpers; where there are but a few of these, also those that import what
 * imports it. Of equals, the one that imports the fewest files is the one most about it.
 */
export function testsOf(target, imports) {
  const names = [...imports].flatMap(([file, paths]) => {
    const startsPrograms = paths.some((path) => TOO_FAR.test(path)); // They run dist/, which has no error in it.
    return file.endsWith(".test.ts") && !TOO_FAR.test(file) && !startsPrograms ? [file] : [];
  });
  const sources = new Map(names.map((test) => [test, sourcesOf(test, imports)]));
  const folder = dirname(target).replace(/^src/, "test");
  const weight = (test) => {
    if (test === join(folder, `${basename(target, ".ts")}.test.ts`)) return 0;
    return sources.get(test).size + (dirname(test) === folder ? 0 : 1000);
  };
  const tests = [];
  for (let wanted = new Set([target]), far = 0; tests.length < FEWEST_TESTS && far < 4; far++) {
    const fresh = names.filter(
      (test) => !tests.includes(test) && [...sources.get(test)].some((path) => wanted.has(path)),
    );
    tests.push(...fresh.sort((a, b) => weight(a) - weight(b) || (a < b ? -1 : 1)));
    const importers = [...imports].filter(([, paths]) => paths.some((path) => wanted.has(path))).map(([file]) => file);
    wanted = new Set([...wanted, ...importers.filter((file) => file.startsWith("src/"))]);
  }
  return tests.slice(0, MOST_TESTS);
}

/** What a test imports from src/, also by its helpers under test/. */
function sourcesOf(test, imports, seen = new Set([test])) {
  const found = new Set();
  for (const path of imports.get(test) ?? []) {
    if (path.startsWith("src/")) found.add(path);
    else if (!seen.has(path)) {
      seen.add(path);
      for (const each of sourcesOf(path, imports, seen)) found.add(each);
    }
  }
  return found;
}
