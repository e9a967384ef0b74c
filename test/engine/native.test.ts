import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { engineRecord, native } from "../../src/engine/native.js";
import { engineInfo, setThreads } from "../../src/engine/tensor/device.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("native.gen.ts says what the addon says", () => {
  const check = () => execFileSync(process.execPath, ["scripts/generate-native-types.mjs", "--check"], { cwd: root });
  expect(check).not.toThrow();
});

describe("the engine", () => {
  test("is the version set-up recorded", () => {
    expect(native.torchVersion().startsWith(engineRecord.version)).toBe(true);
    expect(engineInfo().torchVersion).toBe(native.torchVersion());
  });

  test("comes with one libc10: a second would be another libtorch", () => {
    const found = engineInfo().mappedLibraries.filter((path) => /libc10\.so/.test(path));
    expect(found).toHaveLength(1);
  });

  test("computes with as many threads as it is told", () => {
    const before = engineInfo().threads;
    setThreads(before + 1);
    expect(engineInfo().threads).toBe(before + 1);
    setThreads(before);
  });

  test("is refused to a second thread, which would share its tables unguarded", async () => {
    // Of the addon itself: vitest's own loader does not reach into workers.
    const load = `try { require(${JSON.stringify(engineRecord.addon)}) } catch (error) { postMessage(error.message) }`;
    const worker = new Worker(
      `const { parentPort } = require("node:worker_threads");
      const postMessage = (message) => parentPort.postMessage(message); ${load}`,
      { eval: true },
    );
    const message = await new Promise((resolve, reject) => {
      worker
        .once("message", resolve)
        .once("error", reject)
        .once("exit", () => reject(new Error("it loaded")));
    });
    expect(message).toMatch(/^it runs on one thread/);
  });
});
