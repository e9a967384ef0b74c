import { type ChildProcessByStdio, spawn } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { ConfigError } from "../../src/errors.js";
import { lockDirectory } from "../../src/storage/lock.js";
import { aliveness, identityOf, ownIdentity, type ProcessIdentity } from "../../src/storage/processes.js";
import { compileSources } from "../compiled-sources.js";
import { needs, proc } from "../needs.js";
import { temporaryFolder } from "./temporary-folder.js";

/** A lock as some other process would have made it. */
function leaveLock(folder: string, { pid, startTime, bootId, host }: ProcessIdentity): string {
  const name = `.lock.${pid}.${startTime}.${bootId}.00ff.${encodeURIComponent(host)}`;
  writeFileSync(join(folder, name), "");
  return name;
}

test("a directory is one owner's at a time", () => {
  const folder = temporaryFolder();
  const lock = lockDirectory(folder);
  expect(() => lockDirectory(folder)).toThrow(ConfigError);
  expect(() => lockDirectory(folder)).toThrow("expected a directory nobody uses, got one in use by this process");
  lock.release();
  lockDirectory(folder).release();
  expect(readdirSync(folder)).toEqual([]);
});

test("a living process keeps its lock, and the error names it", () => {
  const folder = temporaryFolder();
  const child = spawn("sleep", ["60"]);
  onTestFinished(() => void child.kill());
  const name = leaveLock(folder, identityOf(child.pid ?? 0));
  expect(() => lockDirectory(folder)).toThrow(`in use by process ${child.pid}: wait for it, or stop it.`);
  expect(readdirSync(folder)).toEqual([name]);
});

test("a dead process's lock is taken over", () => {
  const folder = temporaryFolder();
  leaveLock(folder, { ...ownIdentity(), pid: 4194305 }); // Above the largest pid there can be.
  using _lock = lockDirectory(folder);
  expect(readdirSync(folder)).toHaveLength(1);
});

test("a pid that was given to a later process does not keep the lock", needs(proc), () => {
  const folder = temporaryFolder();
  leaveLock(folder, { ...ownIdentity(), startTime: "1" });
  lockDirectory(folder).release();
});

test("a lock from before the machine started again does not keep it", needs(proc), () => {
  const folder = temporaryFolder();
  leaveLock(folder, { ...ownIdentity(), bootId: "0-0" });
  lockDirectory(folder).release();
});

test("another machine's lock is respected, and the error says which file to delete", () => {
  const folder = temporaryFolder();
  const name = leaveLock(folder, { ...ownIdentity(), host: "elsewhere/or so" });
  expect(() => lockDirectory(folder)).toThrow(
    `in use by process ${process.pid} on elsewhere/or so: if that machine has stopped, delete ${name}.`,
  );
});

test("a process that ended but was not waited for counts as dead", needs(proc), async () => {
  // The shell's child ends at once; exec makes sleep its parent, which never waits for it.
  const child = spawn("sh", ["-c", "true & echo $!; exec sleep 60"]);
  onTestFinished(() => void child.kill());
  const pid = Number(await new Promise((resolve) => child.stdout.once("data", resolve)));
  await expect.poll(() => aliveness(identityOf(pid))).toBe("dead");
});

test("this process is alive", () => {
  expect(aliveness(ownIdentity())).toBe("alive");
  expect(ownIdentity().host).toBe(hostname());
});

test("of many processes that want a directory at once, at most one gets it", async () => {
  using sources = compileSources("runs/run.ts");
  const lockModule = join(sources.folder, "storage/lock.js");
  const folder = temporaryFolder();
  // Each says that it is up, and waits for the word; who has the lock keeps it until its input ends.
  const program = `
    import { lockDirectory } from ${JSON.stringify(lockModule)};
    console.log("up");
    process.stdin.once("data", () => {
      try { lockDirectory(${JSON.stringify(folder)}); console.log("got it"); } catch (e) { console.log(e.name); }
    });`;
  const children = Array.from({ length: 6 }, () => new Child(program));
  for (const child of children) expect(await child.line()).toBe("up");
  for (const child of children) child.say("now");
  const outcomes = await Promise.all(children.map((child) => child.line()));
  for (const child of children) child.end();
  expect(outcomes.filter((outcome) => outcome === "got it").length).toBeLessThanOrEqual(1);
  expect(outcomes.filter((outcome) => outcome === "ConfigError").length).toBeGreaterThanOrEqual(5);
});

/** A process of Node's that is talked to by lines. */
class Child {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string) {
    const args = ["--input-type=module", "-e", program];
    this.#process = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    onTestFinished(() => void this.#process.kill());
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    return (await this.#lines.next()).value ?? "";
  }

  say(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  end(): void {
    this.#process.stdin.end();
  }
}
