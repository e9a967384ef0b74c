import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { TestOptions } from "vitest";

declare module "vitest" {
  interface TaskMeta {
    /** What a skipped test lacked, as skips-reporter.ts tells it. */
    missing?: readonly string[];
  }
}

/** What a test needs of the machine beyond Limbeck: null where it is there, or in words why it is not. */
export type Need = string | null;

/** The options of a test, or of a describe, that is skipped where something is missing: `test(title, needs(…), body)`. */
export function needs(...things: readonly Need[]): TestOptions {
  const missing = things.filter((thing) => thing !== null);
  return { skip: missing.length > 0, meta: { missing } };
}

/** The Python of the references: LIMBECK_PYTHON. */
export const PYTHON = process.env.LIMBECK_PYTHON ?? "";

/** A Python that has the packages, by the names they are imported by. They are found, not imported: that takes seconds. */
export function python(...packages: readonly string[]): Need {
  if (PYTHON === "") return "LIMBECK_PYTHON names no Python";
  const code =
    "import sys; from importlib.util import find_spec; print(*[n for n in sys.argv[1:] if not find_spec(n)])";
  const { status, stdout } = spawnSync(PYTHON, ["-c", code, ...packages], { encoding: "utf8" });
  if (status !== 0) return `${PYTHON} (LIMBECK_PYTHON) does not run`;
  return stdout.trim() === "" ? null : `${PYTHON} (LIMBECK_PYTHON) has no ${stdout.trim().replaceAll(" ", ", ")}`;
}

const BROWSERS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Chromium's path: LIMBECK_CHROMIUM, or where systems put it; null where there is none. */
export const CHROMIUM = [process.env.LIMBECK_CHROMIUM ?? "", ...BROWSERS].find((path) => existsSync(path)) ?? null;

export const chromium: Need = CHROMIUM === null ? "there is no Chromium (LIMBECK_CHROMIUM)" : null;

/** A path in the folder of real text and tasks, LIMBECK_DATA. */
export const dataPath = (name: string): string => join(process.env.LIMBECK_DATA ?? "", name);

/** Files or folders of real data. */
export function data(...names: readonly string[]): Need {
  if (!process.env.LIMBECK_DATA) return "LIMBECK_DATA names no folder of real data";
  const absent = names.filter((name) => !existsSync(dataPath(name)));
  return absent.length === 0 ? null : `LIMBECK_DATA has no ${absent.join(", ")}`;
}

/** A command that must end well; `what` is said where it does not. */
export function command(what: string, file: string, ...args: readonly string[]): Need {
  return spawnSync(file, args).status === 0 ? null : what;
}

/** A namespace of one's own, in which a small disk can be mounted. */
export const smallDisk = (): Need =>
  command("unshare may not mount here", "unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt");

export const proc: Need = existsSync("/proc/self") ? null : "there is no /proc";
