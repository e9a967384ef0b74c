import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import { readMetrics } from "../../src/runs/metrics-log.js";
import { openRun } from "../../src/runs/run.js";
import { compileSources } from "../compiled-sources.js";
import { temporaryFolder } from "../storage/temporary-folder.js";

const KILLS = 15;
const CHILD = join(import.meta.dirname, "children/save-forever.mjs");

test("a run killed at any moment goes on from a complete checkpoint, the newest that was saved", async () => {
  using sources = compileSources("runs/run.ts");
  const runModule = join(sources.folder, "runs/run.js");
  const directory = join(temporaryFolder(), "run");
  let saved = 0;
  let cutShort = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    saved = Math.max(saved, await saveUntilKilled(runModule, directory, Math.random() * 120));
    if (readdirSync(join(directory, "checkpoints")).some((name) => !/^step-\d+$/.test(name))) cutShort += 1;
    const warnings: string[] = [];
    using run = openRun(directory, { name: "killed" }, { onWarning: (line) => warnings.push(line) });
    using latest = run.latestCheckpoint();
    // One more than was announced: the kill may fall between the save and its announcement.
    expect([saved, saved + 1]).toContain(latest?.step);
    saved = latest?.step ?? 0;
    expect(latest?.state).toEqual({ step: saved, metricsBytes: expect.any(Number) });
    expect(latest?.model.read("w").every((byte) => byte === saved % 256)).toBe(true);
    expect(warnings).toEqual([]);
    const metrics = run.openMetrics(Number(latest?.state.metricsBytes));
    metrics.close();
    expect(readMetrics(metrics.path).map(({ step }) => step)).toEqual(Array.from({ length: saved }, (_, i) => i + 1));
    expect(readdirSync(join(directory, "checkpoints")).every((name) => /^step-\d+$/.test(name))).toBe(true);
    expect(readdirSync(join(directory, "checkpoints")).length).toBeLessThanOrEqual(3);
  }
  expect(cutShort, "kills that fell in the middle of a save").toBeGreaterThan(0);
});

/** Gives the last step the child said it had saved; it is killed `delayMs` after its first save. */
async function saveUntilKilled(runModule: string, directory: string, delayMs: number): Promise<number> {
  const child = spawn(process.execPath, [CHILD, runModule, directory], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const begun = new Promise<void>((resolve) => child.stdout.once("data", () => resolve()));
  child.stdout.on("data", (data) => {
    output += data;
  });
  child.stderr.on("data", (data) => {
    errors += data;
  });
  await Promise.race([begun, ended]);
  await wait(delayMs);
  child.kill("SIGKILL");
  await ended;
  expect(errors).toBe("");
  return Number(output.match(/saved (\d+)\n(?!.*saved)/s)?.[1] ?? 0);
}
