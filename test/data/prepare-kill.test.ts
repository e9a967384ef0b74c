import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PrepareOptions, prepare } from "../../src/data/prepare.js";
import { type CompiledSources, compileSources } from "../compiled-sources.js";
import { contentsOf, folderWith } from "./folders.js";
import { madeUpCorpus, tokenizerFolder } from "./made-up-text.js";

const CHILD = join(import.meta.dirname, "children/prepare.mjs");

let sources: CompiledSources;
beforeAll(() => {
  sources = compileSources("data/prepare.ts", "data/tokenise-worker.ts");
});
afterAll(() => sources[Symbol.dispose]());

/** Runs until it ends by itself or is killed, `delayMs` after its first progress; tells which. */
async function prepareUntilKilled(options: PrepareOptions, delayMs: number): Promise<"ended" | "killed"> {
  const child = spawn(process.execPath, [CHILD, join(sources.folder, "data/prepare.js"), JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<string | null>((resolve) => child.on("close", (_, signal) => resolve(signal)));
  await Promise.race([new Promise((resolve) => child.stdout.once("data", resolve)), ended]);
  child.stdout.resume();
  await Promise.race([wait(delayMs), ended]);
  child.kill("SIGKILL");
  return (await ended) === null ? "ended" : "killed";
}

test("killed at any moment, again and again, it yields the same bytes in the end", async () => {
  const options = {
    corpus: [madeUpCorpus(30_000)],
    tokenizer: tokenizerFolder(),
    shardTokens: 60_000,
    heldOutTokens: 5000,
  };
  const undisturbed = join(folderWith(), "dataset");
  await prepare({ ...options, out: undisturbed, workers: 0 });

  const out = join(folderWith(), "dataset");
  let kills = 0;
  let resumed = 0;
  for (let delayMs = 0; ; delayMs = Math.random() * 250) {
    if (existsSync(join(out, "progress.json")) && existsSync(join(out, "shard-00000.tokens"))) resumed++;
    if (kills >= 25) delayMs = 60_000; // It gets on each time; should it not, the last attempt is left alone.
    if ((await prepareUntilKilled({ ...options, out, workers: 1 + (kills % 2) }, delayMs)) === "ended") break;
    kills++;
  }
  expect(kills, "kills that fell in the middle").toBeGreaterThan(2);
  expect(resumed, "attempts that went on from a shard").toBeGreaterThan(0);
  expect(contentsOf(out)).toEqual(contentsOf(undisturbed));
});
