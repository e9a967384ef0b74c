import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ConfigError, RunError } from "../../src/errors.js";
import {
  asideTarget,
  FolderDraft,
  OutputFile,
  removeFolder,
  removeLeftovers,
  replaceFile,
  replaceText,
  steppedAside,
  syncPath,
  writeSynced,
} from "../../src/storage/atomic-files.js";
import { newProcessName } from "../../src/storage/processes.js";
import { temporaryFolder } from "./temporary-folder.js";

/** A process that is gone: above the largest pid there can be. */
const GONE = newProcessName().replace(/^\d+/, "4194305");
const ALIVE = newProcessName();
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const read = (path: string) => readFileSync(path, "utf8");

function* failing(): Generator<Uint8Array> {
  yield Buffer.from("half");
  throw new Error("no more");
}

describe("a file that is replaced", () => {
  test("has the new bytes, in one or many pieces, and tells what they are", () => {
    const path = join(temporaryFolder(), "a.txt");
    expect(replaceText(path, "né")).toEqual({ bytes: 3, sha256: sha256("né") });
    expect(read(path)).toBe("né");
    expect(replaceFile(path, [Buffer.from("one "), Buffer.from(""), Buffer.from("two")])).toEqual({
      ...{ bytes: 7, sha256: sha256("one two") },
    });
    expect(read(path)).toBe("one two");
  });

  test("stays as it was where its new bytes do not all come, and nothing is left of them", () => {
    const folder = temporaryFolder();
    const path = join(folder, "a.txt");
    writeFileSync(path, "old");
    expect(() => replaceFile(path, failing())).toThrow(RunError);
    expect(() => replaceFile(path, failing())).toThrow(`${path}: writing failed: no more`);
    expect(read(path)).toBe("old");
    expect(readdirSync(folder)).toEqual(["a.txt"]);
  });

  test("is refused in one line where its folder is not there", () => {
    const path = join(temporaryFolder(), "nowhere/a.txt");
    expect(() => replaceText(path, "new")).toThrow(RunError);
    expect(() => replaceText(path, "new")).toThrow(`${path}: writing failed: ENOENT`);
  });

  test("loses what a process that is gone had begun to write for it, and nothing else", () => {
    const folder = temporaryFolder();
    const others = [
      `.a.txt.tmp-${ALIVE}`,
      `.b.txt.tmp-${GONE}`,
      ".a.txt.tmp-mine",
      `a.txt.tmp-${GONE}`,
      `.a.txt.old-${GONE}`,
    ];
    for (const name of [`.a.txt.tmp-${GONE}`, ...others]) writeFileSync(join(folder, name), "");
    replaceText(join(folder, "a.txt"), "new");
    expect(readdirSync(folder).sort()).toEqual(["a.txt", ...others].sort());
  });
});

describe("a file that is written piece by piece", () => {
  test("goes on at its end, or from a place on", () => {
    const path = join(temporaryFolder(), "a");
    using file = new OutputFile(path, { flag: "wx" });
    file.write(Buffer.from("abcdef"));
    file.write(Buffer.from("XY"), 2);
    file.sync();
    file.close();
    expect(read(path)).toBe("abXYef");
    using more = new OutputFile(path, { flag: "a" });
    more.write(Buffer.from("gh"));
    expect(read(path)).toBe("abXYefgh");
  });

  test("is refused where it cannot be opened, and when it was closed", () => {
    const path = join(temporaryFolder(), "a");
    const file = new OutputFile(path, { flag: "w" });
    file.close();
    file.close();
    for (const act of [() => file.write(Buffer.from("x")), () => file.sync()]) {
      expect(act).toThrow(`${path} was written to after it was closed`);
    }
    expect(() => new OutputFile(path, { flag: "wx" })).toThrow(`${path}: writing failed: EEXIST`);
    expect(() => new OutputFile(join(path, "b"), { flag: "w" })).toThrow(ConfigError);
  });
});

test("a new file is never written over another, and is gone where it fails", () => {
  const folder = temporaryFolder();
  expect(writeSynced(join(folder, "a"), [Buffer.from("new")])).toEqual({ bytes: 3, sha256: sha256("new") });
  expect(() => writeSynced(join(folder, "a"), [Buffer.from("other")])).toThrow("EEXIST");
  expect(read(join(folder, "a"))).toBe("new");
  expect(() => writeSynced(join(folder, "b"), failing())).toThrow("no more");
  expect(readdirSync(folder)).toEqual(["a"]);
});

describe("a folder that is drafted", () => {
  function draft(target: string, text: string): FolderDraft {
    const made = new FolderDraft(target);
    mkdirSync(join(made.path, "inner"));
    writeFileSync(join(made.path, "inner/a.txt"), text);
    return made;
  }

  test("is put in place whole, in place of what was there", () => {
    const folder = temporaryFolder();
    const target = join(folder, "model");
    for (const text of ["first", "second"]) {
      using made = draft(target, text);
      expect(existsSync(join(target, "inner/a.txt")) ? read(join(target, "inner/a.txt")) : "none").toBe(
        text === "first" ? "none" : "first",
      );
      made.commit();
      expect(read(join(target, "inner/a.txt"))).toBe(text);
    }
    expect(readdirSync(folder)).toEqual(["model"]);
  });

  test("is gone where it is not committed", () => {
    const folder = temporaryFolder();
    {
      using _made = draft(join(folder, "model"), "first");
      expect(readdirSync(folder)).toHaveLength(1);
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  test("leaves what was there in place where it was lost", () => {
    const target = join(temporaryFolder(), "model");
    using first = draft(target, "first");
    first.commit();
    const lost = draft(target, "second");
    removeFolder(lost.path);
    mkdirSync(join(target, "kept"));
    expect(() => lost.commit()).toThrow("ENOENT");
    expect(readdirSync(target).sort()).toEqual(["inner", "kept"]);
  });

  test("first brings back what had stepped aside, and takes away what a process that is gone had drafted", () => {
    const folder = temporaryFolder();
    const old = `.model.old-${GONE}`;
    for (const name of [old, `.model.tmp-${GONE}`, `.other.old-${GONE}`]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, old, "kept.txt"), "");
    expect(steppedAside(join(folder, "model"))).toBe(old);
    {
      using made = new FolderDraft(join(folder, "model"));
      expect(readdirSync(folder).sort()).toEqual(
        [`.other.old-${GONE}`, made.path.slice(folder.length + 1), "model"].sort(),
      );
    }
    expect(readdirSync(join(folder, "model"))).toEqual(["kept.txt"]);
    expect(steppedAside(join(folder, "model"))).toBeNull();
    expect(steppedAside(join(folder, "nowhere/model"))).toBeNull();
  });

  test("does not bring back what stepped aside for one that stands", () => {
    const folder = temporaryFolder();
    for (const name of ["model", `.model.old-${GONE}`]) mkdirSync(join(folder, name));
    using _made = new FolderDraft(join(folder, "model"));
    expect(readdirSync(folder)).toContain(`.model.old-${GONE}`);
  });
});

describe("tidying a folder that is locked", () => {
  test("takes away all that was written aside, and brings back what had stepped aside for nothing", () => {
    const folder = temporaryFolder();
    for (const name of [
      `.a.tmp-${GONE}`,
      `.a.tmp-${ALIVE}`,
      `.b.old-${GONE}`,
      `.c.old-${GONE}`,
      "c",
      ".hidden",
      "d.tmp-1",
    ]) {
      mkdirSync(join(folder, name));
    }
    removeLeftovers(folder);
    expect(readdirSync(folder).sort()).toEqual([".hidden", "b", "c", "d.tmp-1"]);
    expect(() => removeLeftovers(join(folder, "nowhere"))).not.toThrow();
  });

  test("names written aside say for what, and how", () => {
    expect(asideTarget(`.step-3.tmp-${GONE}`)).toEqual({ target: "step-3", kind: "tmp" });
    expect(asideTarget(`.a.old-b.old-${ALIVE}`)).toEqual({ target: "a.old-b", kind: "old" });
    for (const name of ["step-3", `step-3.tmp-${GONE}`, ".step-3.tmp-", ".step-3.tmp-12", `.step-3.new-${GONE}`]) {
      expect(asideTarget(name)).toBeNull();
    }
  });
});

test("what cannot be synced at all is an error, what a file system does not sync is none", () => {
  const folder = temporaryFolder();
  expect(() => syncPath(folder)).not.toThrow();
  expect(() => syncPath(join(folder, "none"))).toThrow("ENOENT");
  if (existsSync("/dev/null")) expect(() => syncPath("/dev/null")).not.toThrow(); // EINVAL
});
