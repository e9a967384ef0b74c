import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDataset } from "../../src/data/dataset.js";
import { prepare } from "../../src/data/prepare.js";
import { type CompiledSources, compileSources } from "../compiled-sources.js";
import { needs, smallDisk } from "../needs.js";
import { contentsOf, folderWith } from "./folders.js";
import { madeUpCorpus, madeUpDocuments, tokenizerFolder } from "./made-up-text.js";

const CHILD = join(import.meta.dirname, "children/prepare.mjs");
const GIGABYTE = 1e9;

let sources: CompiledSources;
beforeAll(() => {
  sources = compileSources("data/prepare.ts", "data/tokenise-worker.ts");
});
afterAll(() => sources[Symbol.dispose]());

interface Outcome {
  readonly memoryBytes?: number;
  readonly error?: { name: string; message: string; exitStatus: number };
}

function outcomeOf(output: string): Outcome {
  return JSON.parse(output.trim().split("\n").at(-1) ?? "");
}

describe("memory stays under a gigabyte", { timeout: 400_000 }, () => {
  /** Prepares what `feed` writes to the child's standard input. */
  async function prepareFromStream(feed: (input: Writable) => Promise<void>): Promise<Outcome & { out: string }> {
    const out = join(folderWith(), "dataset");
    const options = { corpus: ["-"], tokenizer: tokenizerFolder(), out, workers: 2, shardTokens: 2 ** 22 };
    const child = spawn(process.execPath, [CHILD, join(sources.folder, "data/prepare.js"), JSON.stringify(options)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.on("data", (data) => {
      output += data;
    });
    child.stdin.on("error", () => {}); // It may end before it has read all.
    const ended = new Promise((resolve) => child.on("close", resolve));
    await Promise.race([feed(child.stdin), ended]);
    child.stdin.end();
    await ended;
    return { ...outcomeOf(output), out };
  }

  async function writeTimes(input: Writable, piece: string, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      if (!input.write(piece)) await new Promise((resolve) => input.once("drain", resolve));
    }
  }

  test("on 150 MB of documents", async () => {
    const piece = `${madeUpDocuments(2000).join("\n\n")}\n\n`;
    const count = Math.ceil(150e6 / Buffer.byteLength(piece));
    const { memoryBytes, error, out } = await prepareFromStream((input) => writeTimes(input, piece, count));
    expect(error).toBeUndefined();
    expect(memoryBytes).toBeLessThan(GIGABYTE);
    expect(openDataset(out).manifest.documents).toBe(2000 * count);
  });

  test("on a single line of 60 MB, which becomes many documents", async () => {
    const piece = `${madeUpDocuments(2000).join(" ").replaceAll("\n", " ")} `;
    const count = Math.ceil(60e6 / Buffer.byteLength(piece));
    const { memoryBytes, error, out } = await prepareFromStream((input) => writeTimes(input, piece, count));
    expect(error).toBeUndefined();
    expect(memoryBytes).toBeLessThan(GIGABYTE);
    expect(openDataset(out).manifest.documents).toBeGreaterThan(50);
  });

  test("on a JSON row of 150 MB, which is refused", async () => {
    const { error } = await prepareFromStream(async (input) => {
      input.write('{"text": "');
      await writeTimes(input, "word ".repeat(100_000), 300);
    });
    expect(error?.name).toBe("FormatError");
    expect(error?.message).toMatch(/^standard input:1: expected lines of at most 100663296 bytes, got a longer one/);
  });
});

describe("a full disk is one line, and the same command goes on:", () => {
  const made = () => ({ corpus: [madeUpCorpus(8000)], tokenizer: tokenizerFolder(), shardTokens: 100_000, workers: 0 });

  async function expectSameAfterwards(options: ReturnType<typeof made>, out: string): Promise<void> {
    const undisturbed = join(folderWith(), "dataset");
    await prepare({ ...options, out: undisturbed });
    await prepare({ ...options, out });
    expect(contentsOf(out)).toEqual(contentsOf(undisturbed));
  }

  function expectOneLine({ error }: Outcome, code: RegExp): void {
    expect(error?.name).toBe("StorageError");
    expect(error?.message).toMatch(code);
    expect(error?.message).toMatch(/run the same command again: it goes on where it stopped/);
    expect(error?.message).not.toContain("\n");
  }

  test("by a limit on the size of files", async () => {
    const options = { ...made(), shardTokens: 2 ** 25 }; // One shard of 700 kB.
    const out = join(folderWith(), "dataset");
    const command = [
      "-c",
      'ulimit -f 200; exec "$@"',
      "bash",
      process.execPath,
      CHILD,
      join(sources.folder, "data/prepare.js"),
    ];
    const output = execFileSync("bash", [...command, JSON.stringify({ ...options, out })], { encoding: "utf8" });
    expectOneLine(
      outcomeOf(output),
      /shard-00000\.tokens: no space left \(EFBIG\): a limit on the size of files\. Raise it, and /,
    );
    await expectSameAfterwards(options, out);
  });

  // A file system of half a megabyte in a namespace of the child's own, where the system lets us have one.
  const MOUNT =
    'mount -t tmpfs -o size=500k none "$1" && "$2" "$3" "$4" "$5"; cp -r "$1/dataset" "$6" && rm -f "$6"/.lock.*';

  test("by a disk of 500 kB", needs(smallDisk()), async () => {
    const options = made();
    const disk = join(folderWith(), "disk");
    const out = join(folderWith(), "dataset");
    mkdirSync(disk);
    const inner = JSON.stringify({ ...options, out: join(disk, "dataset") });
    const args = [
      "-rm",
      "sh",
      "-c",
      MOUNT,
      "sh",
      disk,
      process.execPath,
      CHILD,
      join(sources.folder, "data/prepare.js"),
      inner,
      out,
    ];
    expectOneLine(outcomeOf(execFileSync("unshare", args, { encoding: "utf8" })), /no space left \(ENOSPC\)/);
    expect(readdirSync(out)).toContain("shard-00000.tokens");
    await expectSameAfterwards(options, out);
  });
});
