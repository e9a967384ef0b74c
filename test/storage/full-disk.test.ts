import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compileSources } from "../compiled-sources.js";
import { needs, smallDisk } from "../needs.js";
import { temporaryFolder } from "./temporary-folder.js";

const CHILD = join(import.meta.dirname, "children/fill-disk.mjs");

// A file system of 4 MB in a namespace of the child's own, where the system lets us have one.
const MOUNT = 'mount -t tmpfs -o size=4m none "$1" && exec "$2" "$3" "$4" "$1/run"';

interface Failure {
  readonly name: string;
  readonly message: string;
  readonly exitStatus: number;
}

interface Outcome {
  readonly checkpointError: Failure | null;
  readonly metricsError: Failure | null;
  readonly left: string[];
  readonly step: number;
  readonly first: number;
  readonly metricsLeft: number;
}

function expectNothingLost({ checkpointError, metricsError, ...outcome }: Outcome, code: string): void {
  expect(outcome).toEqual({ left: ["step-1"], step: 1, first: 1, metricsLeft: 1021 });
  expect([checkpointError?.name, metricsError?.name]).toEqual(["StorageError", "StorageError"]);
  expect([checkpointError?.exitStatus, metricsError?.exitStatus]).toEqual([2, 2]);
  expect(checkpointError?.message).toMatch(
    new RegExp(
      `^\\S*/checkpoints/step-2: no space left \\(${code}\\): expected room for 6\\.0 MB, got .*\\. ` +
        "The last good checkpoint is step-1\\. (Free some space|Raise it), and resume\\.$",
    ),
  );
  expect(metricsError?.message).toMatch(
    new RegExp(`^\\S*/metrics\\.jsonl: no space left \\(${code}\\): .*\\. (Free some space|Raise it), and resume\\.$`),
  );
}

test("a full disk in the middle of a checkpoint loses nothing", needs(smallDisk()), () => {
  const disk = join(temporaryFolder(), "disk");
  mkdirSync(disk);
  using sources = compileSources("runs/run.ts");
  const runModule = join(sources.folder, "runs/run.js");
  const args = ["-rm", "sh", "-c", MOUNT, "sh", disk, process.execPath, CHILD, runModule];
  const outcome: Outcome = JSON.parse(execFileSync("unshare", args, { encoding: "utf8" }));
  expectNothingLost(outcome, "ENOSPC");
});

test("a file size limit reached in the middle of a checkpoint loses nothing", () => {
  const directory = join(temporaryFolder(), "run");
  using sources = compileSources("runs/run.ts");
  const runModule = join(sources.folder, "runs/run.js");
  const args = ["-c", 'ulimit -f 1000; exec "$@"', "bash", process.execPath, CHILD, runModule, directory];
  const outcome: Outcome = JSON.parse(execFileSync("bash", args, { encoding: "utf8" }));
  expectNothingLost(outcome, "EFBIG");
});
